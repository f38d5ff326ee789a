"""`raysearch`: run, score, report, config, strategies, generators. Thin: every command calls one function.

Mistakes a user can mend are one line on standard error and exit code 2; a run in which a search failed exits with 1.
Heavy libraries are imported inside the commands that need them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from raysearch import __version__
from raysearch.errors import UsageError

_RUN = """examples:
  raysearch run jobs/demo.yaml
  raysearch run jobs/demo.yaml search.n=32 seed=1 run=runs/demo32
  raysearch run jobs/demo.yaml cluster.executor=inline
  raysearch run jobs/demo.yaml --cluster clusters/local.yaml cluster.generators.replicas=4

A run that was stopped goes on where it was: give the same command again. Everything lands in the folder that `run=`
names: report.html, best/*.mp4, result.json, and the journal that makes resuming possible."""


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        return args.command(args)
    except UsageError as error:
        print(f"raysearch: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("raysearch: stopped; give the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def run(args: argparse.Namespace) -> int:
    from raysearch import config, runs

    job = config.load(args.job, args.overrides, args.cluster)
    done = runs.run(job)
    failed = [end for end in done if end.error]
    for end in failed:
        print(f"raysearch: {end.task.name} failed: {end.error}", file=sys.stderr)
    print(f"report: {_report(job.run)}")
    return 1 if failed else 0


def score(args: argparse.Namespace) -> int:
    from raysearch import config, rewards, videos
    from raysearch.prompts import Prompt

    options = {"name": "vjepa2", **config.overrides(args.overrides)}
    rewards.check(options)
    clips = {path: videos.decode(path) for path in args.videos}
    reward, table = rewards.load(options), []
    for path, (frames, fps) in clips.items():
        try:
            scores = reward.score(frames, Prompt(path, path))
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None
        table.append({"video": path, "frames": len(frames), "fps": fps, "reward": scores.value, **scores.details})
    if args.json:
        print(json.dumps(table, indent=1))
        return 0
    width = max(len(path) for path in clips)
    print(f"{'video':<{width}}  frames  surprise   reward")
    for row in sorted(table, key=lambda r: -r["reward"]):
        print(f"{row['video']:<{width}}  {row['frames']:>6}  {1 - row['reward']:8.4f} {row['reward']:8.4f}")
    return 0


def report(args: argparse.Namespace) -> int:
    print(f"report: {_report(args.run)}")
    return 0


def show_config(args: argparse.Namespace) -> int:
    from raysearch import config

    print(config.to_yaml(config.load(args.job, args.overrides, args.cluster)), end="")
    return 0


def strategies(args: argparse.Namespace) -> int:
    from raysearch.search import describe

    for d in describe():
        print(f"{d.name}: {d.summary}")
        for option, default in d.options.items():
            print(f"    {option} = {_told(default)}")
        print(f"    paper: {d.paper}\n")
    return 0


def generators(args: argparse.Namespace) -> int:
    from raysearch.generators.families import describe

    rows = describe()
    width = max(len(r["pipeline"]) for r in rows)
    print(f"{'pipeline':<{width}}  text  image  frames  tested  notes")
    for r in rows:
        takes = "  ".join(f"{'yes' if r[kind] else '-':<{len(kind)}}" for kind in ("text", "image", "frames"))
        notes = "; ".join(t for t in (r["notes"], r["why"]) if t)
        print(f"{r['pipeline']:<{width}}  {takes}  {'yes' if r['tested'] else 'no':<6}  {notes}".rstrip())
    return 0


def _report(run: str) -> str:
    from raysearch.report import write

    return str(write(run))


def _told(default: object) -> str:
    from dataclasses import asdict, is_dataclass

    if is_dataclass(default) and not isinstance(default, type):
        return "{" + ", ".join(f"{k}: {_told(v)}" for k, v in asdict(default).items()) + "}"
    return "null" if default is None else str(list(default)) if isinstance(default, tuple) else str(default)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="raysearch",
        description="Test-time search that makes video diffusion models obey physics: Ray actors generate candidates, "
        "a pool of reward actors judges them with the world model V-JEPA 2, a search keeps the best.",
        epilog="Start with:  raysearch run jobs/demo.yaml",
    )
    parser.add_argument("--version", action="version", version=f"raysearch {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, function, text: str, **more) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter, **more,
        )  # fmt: skip
        sub.set_defaults(command=function)
        return sub

    for name, function, text, epilog in (
        ("run", run, "run a job, or go on with one that was stopped, and write its report", _RUN),
        ("config", show_config, "print the resolved configuration of a job, and run nothing", None),
    ):
        sub = add(name, function, text, epilog=epilog)
        sub.add_argument("job", help="job file: what to run (YAML)")
        sub.add_argument("overrides", nargs="*", metavar="key=value", help="settings that override the job file")
        sub.add_argument("--cluster", metavar="FILE", help="cluster file: where to run (default: this machine)")
    sub = add("score", score, "score video files with V-JEPA 2: how plausible is the motion",
              epilog="example:\n  raysearch score runs/demo/best/*.mp4 --set model=tiny stride=2")  # fmt: skip
    sub.add_argument("videos", nargs="+", metavar="VIDEO", help="mp4 or anything ffmpeg reads")
    sub.add_argument("--set", nargs="*", default=[], dest="overrides", metavar="key=value",
                     help="settings of the reward: model, preset, window, context, stride, cosine, reduce")  # fmt: skip
    sub.add_argument("--json", action="store_true", help="print JSON instead of a table")
    sub = add("report", report, "write the report of a finished run again")
    sub.add_argument("run", help="folder of the run")
    add("generators", generators, "list the pipeline classes of diffusers that are known, and what each takes")
    add("strategies", strategies, "list the search strategies, their options, defaults and papers")
    return parser


if __name__ == "__main__":
    sys.exit(main())
