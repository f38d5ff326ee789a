"""`raysearch plan`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from raysearch.commands.declaring import Declare, print_json, say
from raysearch.commands.pace import add_pace, given
from raysearch.commands.run import add_job

if TYPE_CHECKING:
    from raysearch.config.settings import Job
    from raysearch.generators.scale import Scale
    from raysearch.runs import Resolved
    from raysearch.runs.pace import Speed
    from raysearch.runs.plan import Pace, Plan

_PLAN = """examples:
  raysearch plan jobs/demo.yaml --from runs/demo --generators 1,2,4,8
  raysearch plan jobs/wan_t2v.yaml --gpu H100 --generators 8,16,32 cluster.generators.num_gpus=1
  raysearch plan jobs/physics_iq_v2v.yaml --cluster clusters/gpu-node/run.yaml --generators 8,64

The searches of the job, or those of a challenge, run on a simulated clock with made-up rewards. Seconds are those of a
run, those given, or what the models compute on a GPU. No model is loaded and nothing is written."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command(
        "plan", plan, "estimate how long a job would take on how many replicas, and run nothing", epilog=_PLAN
    )
    add_job(sub)
    add_pace(sub)
    sub.add_argument("--generators", type=_counts, metavar="N,N,...", help="replicas to compare (default: the job's)")
    sub.add_argument(
        "--rewards", type=int, metavar="N", help="reward replicas (default: as many as keep up with the generators)"
    )
    sub.add_argument("--json", action="store_true", help="print JSON instead of a table")


def plan(args: argparse.Namespace) -> int:
    """Print how long a job would take on each number of generator replicas, from simulated runs."""
    say(f"simulating {args.job}")
    from dataclasses import asdict

    from raysearch import config
    from raysearch.generators.scale import scale
    from raysearch.runs.pace import speed
    from raysearch.runs.plan import Took, simulate, together, took

    searches = _searches(config.load(args.job, args.overrides, args.cluster))
    first = searches[0]
    job, known = first.job, scale(first.job.generator)
    found = speed(job, first.judges, known, args.gpu, args.mfu, given(args), args.run or "")
    itself = took(args.run) if args.run else Took("")
    plans = []
    for n in args.generators or [job.cluster.generators.replicas]:
        alone = job.cluster.executor == "inline" and not args.generators
        rewards = 0 if alone else args.rewards or _keeping_up(job, found.pace, n)
        each = [simulate(resolved, found.pace, 1 if alone else n, rewards) for resolved in searches]
        plans.append(itself.held(together(each)))
    if args.json:
        print_json({"pace": asdict(found.pace), "plans": [asdict(p) for p in plans]})
        return 0
    for note in first.notes:
        print(note)
    _table(plans, found)
    if args.run:
        print(itself.text)
    _limits(first, known, found, args)
    return 0


def _searches(job: Job) -> list[Resolved]:
    """What is to be simulated: the job, or every run of a challenge."""
    from raysearch.runs import resolve

    if not job.challenge:
        return [resolve(job)]
    from raysearch.evals.physics_iq.challenge import forecast, settings

    options = settings.read(job)
    return [resolved for _, resolved in forecast.imagined(job, options, settings.expected(job, options))]


def _table(plans: list[Plan], found: Speed) -> None:
    pace = found.pace
    print(f"{plans[0].moves} moves, {plans[0].nfe} network evaluations; on one replica {pace.evaluation_s:.3g} s an "
          f"evaluation, {pace.decode_s:.3g} s a preview, {pace.score_s:.3g} s a score")  # fmt: skip
    for source in found.sources:
        print(f"  {source}")
    print("generators  rewards        time  speed-up  generators busy  rewards busy   GPU hours  states moved")
    base = plans[0].seconds * plans[0].generators
    for p in plans:
        text = f"{p.generators:>10}  {p.rewards:>7}  {_clock(p.seconds):>10}  {base / p.seconds:>8.1f}"
        print(f"{text}  {p.generators_busy:>15.0%}  {p.rewards_busy:>12.0%}  {p.gpu_h:>10.2f}  {p.moved:>12}")
    if not plans[0].gpu_h:
        print("the cluster settings ask for no GPU; give e.g. cluster.generators.num_gpus=1 for GPU hours")


def _limits(resolved: Resolved, known: Scale | None, found: Speed, args: argparse.Namespace) -> None:
    """What the job takes of memory, and whether its longest call ends before the deadline."""
    from raysearch.runs.counts import counts
    from raysearch.runs.footprint import deadline, footprint

    each = counts(resolved)
    print(deadline(resolved.job, each.longest, found.pace))
    if known is not None:
        particles = max(each.moves // max(each.prompts, 1), 1)
        taken = footprint(resolved.job, resolved.judges, known, particles, args.gpus_per_node)
        print(*taken.lines(args.gpu), sep="\n")


def _keeping_up(job: Job, pace: Pace, generators: int) -> int:
    """Reward replicas that score as fast as so many generators make previews, if every Move were a whole video."""
    if job.cluster.placement == "paired":
        return generators
    assert job.generator.steps is not None
    per_move = pace.evaluation_s * job.generator.steps + pace.decode_s
    asked: int = job.cluster.rewards.replicas
    return max(asked, -(-int(1000 * generators * pace.score_s) // max(int(1000 * per_move), 1)))


def _clock(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{s:02d}" if hours else f"{minutes}:{s:02d}"


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give whole numbers from 1, e.g. 1,2,4,8")
    return counts
