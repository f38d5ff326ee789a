"""`raysearch plan`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from raysearch.commands.declaring import Declare, say
from raysearch.commands.run import add_job
from raysearch.errors import UsageError

if TYPE_CHECKING:
    from raysearch.config.settings import Job
    from raysearch.runs.plan import Pace

_PLAN = """examples:
  raysearch plan jobs/demo.yaml --from runs/demo --generators 1,2,4,8
  raysearch plan jobs/search_smc.yaml --seconds-per-nfe 1.5 --seconds-per-decode 4 --seconds-per-score 0.3 \\
      --generators 8,16,32 cluster.generators.num_gpus=1

The searches of the job run on a simulated clock with made-up rewards. No model is loaded and nothing is written."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command(
        "plan", plan, "estimate how long a job would take on how many replicas, and run nothing", epilog=_PLAN
    )
    add_job(sub)
    sub.add_argument("--from", dest="run", metavar="RUN", help="take the seconds per call from the journal of this run")
    sub.add_argument(
        "--seconds-per-nfe", type=_seconds, metavar="S", help="seconds of one network evaluation on one replica"
    )
    sub.add_argument("--seconds-per-decode", type=_seconds, metavar="S", help="seconds of one preview")
    sub.add_argument(
        "--seconds-per-score", type=_seconds, metavar="S", help="seconds of one score on one reward replica"
    )
    sub.add_argument("--generators", type=_counts, metavar="N,N,...", help="replicas to compare (default: the job's)")
    sub.add_argument(
        "--rewards", type=int, metavar="N", help="reward replicas (default: as many as keep up with the generators)"
    )
    sub.add_argument("--json", action="store_true", help="print JSON instead of a table")


def plan(args: argparse.Namespace) -> int:
    """Print how long a job would take on each number of generator replicas, from simulated runs."""
    say(f"simulating {args.job}")
    import json
    from dataclasses import asdict

    from raysearch import config
    from raysearch.runs import resolve
    from raysearch.runs.plan import simulate

    resolved = resolve(config.load(args.job, args.overrides, args.cluster))
    job, pace = resolved.job, _pace(args)
    plans = []
    for n in args.generators or [job.cluster.generators.replicas]:
        plans.append(simulate(resolved, pace, n, args.rewards or _keeping_up(job, pace, n)))
    if args.json:
        print(json.dumps({"pace": asdict(pace), "plans": [asdict(p) for p in plans]}, indent=1))
        return 0
    for note in resolved.notes:
        print(note)
    print(f"{plans[0].moves} moves, {plans[0].nfe} network evaluations; on one replica {pace.evaluation_s:.3g} s an "
          f"evaluation, {pace.decode_s:.3g} s a preview, {pace.score_s:.3g} s a score")  # fmt: skip
    print("generators  rewards        time  speed-up  generators busy  rewards busy   GPU hours  states moved")
    base = plans[0].seconds * plans[0].generators
    for p in plans:
        text = f"{p.generators:>10}  {p.rewards:>7}  {_clock(p.seconds):>10}  {base / p.seconds:>8.1f}"
        print(f"{text}  {p.generators_busy:>15.0%}  {p.rewards_busy:>12.0%}  {p.gpu_h:>10.2f}  {p.moved:>12}")
    if not plans[0].gpu_h:
        print("the cluster settings ask for no GPU; give e.g. cluster.generators.num_gpus=1 for GPU hours")
    return 0


def _pace(args: argparse.Namespace) -> Pace:
    from dataclasses import replace

    from raysearch.runs.plan import Pace, measured

    if args.run is None and args.seconds_per_nfe is None:
        raise UsageError("the speed of a replica is not given; give --from RUN (a finished run) or --seconds-per-nfe S")
    pace = measured(args.run) if args.run else Pace(args.seconds_per_nfe)
    given = {
        "evaluation_s": args.seconds_per_nfe,
        "decode_s": args.seconds_per_decode,
        "score_s": args.seconds_per_score,
    }
    return replace(pace, **{k: v for k, v in given.items() if v is not None})


def _keeping_up(job: Job, pace: Pace, generators: int) -> int:
    """Reward replicas that score as fast as so many generators make previews, if every Move were a whole video."""
    assert job.generator.steps is not None
    per_move = pace.evaluation_s * job.generator.steps + pace.decode_s
    asked: int = job.cluster.rewards.replicas
    return max(asked, -(-int(1000 * generators * pace.score_s) // max(int(1000 * per_move), 1)))


def _clock(seconds: float) -> str:
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{s:02d}" if hours else f"{minutes}:{s:02d}"


def _seconds(text: str) -> float:
    value = float(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text}: seconds cannot be negative")
    return value


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give whole numbers from 1, e.g. 1,2,4,8")
    return counts
