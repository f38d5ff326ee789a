"""`raysearch physics-iq` and `raysearch challenge`."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout

from raysearch.commands.declaring import Declare, add_json, print_json, say
from raysearch.commands.pace import add_pace, given
from raysearch.commands.run import add_job

_SCORE = """examples:
  raysearch physics-iq score outputs/my-model --data physics-IQ-benchmark --descriptions descriptions.csv
  raysearch physics-iq score runs/a runs/b --data physics-IQ-benchmark-verified --workers 8
  raysearch physics-iq score my-model-op-run_0* --data physics-IQ-benchmark-verified --protocol

A folder holds one NNNN_*.mp4 for each view of take 1, as the official scorer expects. What is computed from the real
clips is cached the first time, and every further model reads it from there."""

_CHALLENGE = """examples:
  raysearch challenge jobs/challenge_tiny.yaml
  raysearch challenge jobs/physics_iq_v2v.yaml --dry-run        # without the data set, the model or a GPU
  raysearch challenge jobs/physics_iq_v2v.yaml --cluster clusters/gpu-node/run.yaml
  raysearch challenge jobs/physics_iq_v2v.yaml --scenario ball --limit 6 search.n=4
  raysearch challenge jobs/physics_iq_v2v.yaml --partial        # score what a running challenge has finished

To resume a challenge that was stopped, give the same command again."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("physics-iq", score, "score folders of generated clips with Physics-IQ, original and Verified",
                  epilog=_SCORE)  # fmt: skip
    sub.add_argument("action", choices=("score", "stand-in"), help="score clips, or write the stand-in data set")
    sub.add_argument("folders", nargs="+", metavar="FOLDER", help="clips (score), or where to write (stand-in)")
    sub.add_argument("--data", help="folder of the data set, the one with split-videos in it")
    sub.add_argument("--descriptions", metavar="CSV", help="prompts and categories (default: those beside the data)")
    sub.add_argument("--out", default="runs/physics-iq", help="folder of the tables (default: %(default)s)")
    sub.add_argument("--cache", default="runs/physics-iq/cache", help="cache of real clips (default: %(default)s)")
    sub.add_argument(
        "--workers",
        type=int,
        default=2,
        help="views scored at a time, on Ray; 0 for this process (default: %(default)s)",
    )
    sub.add_argument(
        "--address", default="local", help="Ray cluster to join; every node must see the files (default: %(default)s)"
    )
    sub.add_argument("--partial", action="store_true", help="score the clips that exist")
    sub.add_argument("--protocol", action="store_true", help="the folders are runs of one model: mean and deviation")
    sub.add_argument("--scenarios", type=int, default=4, help="scenarios of the stand-in (default: %(default)s)")
    add_json(sub)
    sub = command("challenge", challenge, "run a benchmark challenge: generate, score every candidate, compare, report",
                  epilog=_CHALLENGE)  # fmt: skip
    add_job(sub)
    sub.add_argument("--limit", type=int, help="only this many views, from the first on")
    sub.add_argument("--scenario", help="only scenarios whose name contains this")
    sub.add_argument("--dry-run", action="store_true", help="say what it would take, in seconds; write nothing")
    add_pace(sub)
    sub.add_argument("--partial", action="store_true", help="generate nothing; score and report what is finished")
    add_json(sub)


def score(args: argparse.Namespace) -> int:
    """Score folders of generated clips with Physics-IQ, or write the stand-in data set."""
    say(f"{args.action}: {', '.join(args.folders[:3])}")
    from raysearch.errors import UsageError
    from raysearch.evals.physics_iq import layout, protocol, scorer, standin

    if args.action == "stand-in":
        for folder in args.folders:
            print(standin.write(folder, args.scenarios))
        return 0
    if args.data is None:
        raise UsageError("--data is missing; give the folder of the data set, the one with split-videos in it")
    data = layout.read(args.data, scorer.rate(args.folders[0]), args.descriptions)
    models = [scorer.folder(f, data, args.partial) for f in args.folders]
    if doubles := {m.name for m in models if [n.name for n in models].count(m.name) > 1}:
        raise UsageError(f"two folders are called {doubles.pop()!r}, so their tables would be; rename one")

    def progress(done: int, of: int) -> None:
        print(f"\r{done} of {of} views", end="\n" if done == of else "", file=sys.stderr, flush=True)

    tables = scorer.run(data, models, args.cache, args.workers, args.address, progress)
    width, rows = max(len(m.name) for m in models), {}
    if not args.json:
        print(f"{'model':<{width}}  views  Verified  original")
    for model, table in zip(models, tables, strict=True):
        found = scorer.report(data, model, table)
        scorer.write(args.out, model.name, table, found)
        rows[model.name] = found
        if args.json:
            continue
        print(f"{model.name:<{width}}  {found['views']:>5}  {found['verified']['score']:8.2f}  "
              f"{found['original']['score']:8.2f}")  # fmt: skip
    if args.json:
        print_json({"models": rows, "protocol": protocol.over_runs(tables) if args.protocol else None})
        return 0
    if args.protocol:
        for name, value in protocol.over_runs(tables).items():
            if isinstance(value, dict):
                print(f"{name:<16} {value['mean']:7.2f} +- {value['std'] if value['std'] is not None else 0:.2f}")
    print(f"tables: {args.out}")
    return 0


def challenge(args: argparse.Namespace) -> int:
    """Run a benchmark challenge, or only count what it would cost."""
    say(f"checking {args.job}")
    from raysearch import config

    job = config.load(args.job, args.overrides, args.cluster)
    if args.dry_run:
        from raysearch.evals.physics_iq.challenge import estimate
        from raysearch.evals.physics_iq.challenge.forecast import Asked, forecast

        asked = Asked(args.gpu, args.mfu, args.gpus_per_node, given(args), args.run or "", args.limit, args.scenario)
        cost = forecast(job, asked)
        if args.json:
            print_json(estimate.values(cost))
        else:
            print("\n".join(estimate.lines(cost)))
        return 0
    from raysearch.evals.physics_iq.challenge import run

    if args.json:
        with redirect_stdout(sys.stderr):  # what is told on the way is no JSON
            found = run.run(job, args.limit, args.scenario, args.partial)
        print_json(found)
        return 0
    found = run.run(job, args.limit, args.scenario, args.partial)
    for name, system in found["systems"].items():
        print(f"{name:<16} Verified {system['score']['mean']:6.2f}  original {system['original']['mean']:6.2f}")
    print(f"report: {job.run}/challenge.html")
    return 0
