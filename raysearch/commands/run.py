"""`raysearch run`, `raysearch config`, `raysearch report`."""

from __future__ import annotations

import argparse
import os
import sys

from raysearch import builtin
from raysearch.commands.declaring import Declare, say

_RUN = """examples:
  raysearch run jobs/demo.yaml
  raysearch run jobs/demo.yaml search.n=32 seed=1 run=runs/demo32
  raysearch run jobs/demo.yaml cluster.executor=inline
  raysearch run jobs/demo.yaml --cluster clusters/local.yaml cluster.generators.replicas=4

To resume a run that was stopped, give the same command again. Everything is written into the folder that `run=` names:
report.html, best/*.mp4, result.json, and the journal that makes resuming possible."""

_REPORT = """examples:
  raysearch report runs/demo
  raysearch report runs/demo --partial
  raysearch report runs/demo --maps

Of an unfinished run, the page shows the searches that are finished, and says so at the top. It is read from the journal
alone: no model is loaded, and the run may continue meanwhile. --partial does the same where there is an earlier result,
for example while a run is given more candidates. --maps loads the reward here and draws where and when the shown videos
are surprising; for the tiny models `raysearch run` does so by itself."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    for name, function, text, epilog in (
        ("run", run_job, "run a job, or resume one that was stopped, and write its report", _RUN),
        ("config", show_config, "print the resolved configuration of a job, and run nothing", None),
    ):
        sub = command(name, function, text, epilog=epilog)
        add_job(sub)
        if name == "config":
            sub.add_argument("--plain", action="store_true", help="leave out the origin of each value")
    sub = command("report", report, "write the report of a run again, or of one that is not finished", epilog=_REPORT)
    sub.add_argument("run", help="folder of the run")
    sub.add_argument(
        "--partial", action="store_true", help="from the journal as it is now, even if there is an earlier result"
    )
    sub.add_argument(
        "--maps", action="store_true", help="draw the surprise maps of the shown videos, for rewards that can"
    )


def add_job(sub: argparse.ArgumentParser, cluster: bool = True) -> None:
    """The arguments of every command that takes a job."""
    sub.add_argument("job", type=builtin.job, help="what to run: a job file (YAML), or a built-in job such as demo")
    sub.add_argument(
        "overrides", nargs="*", default=[], metavar="key=value", help="settings that override the job file"
    )
    if cluster:
        add_cluster(sub, "where to run: a cluster file (default: this machine)")


def add_cluster(sub: argparse.ArgumentParser, text: str, required: bool = False) -> None:
    """The argument --cluster: a file, or the name of one that comes with raysearch."""
    sub.add_argument("--cluster", metavar="FILE", type=builtin.cluster, required=required, help=text)


def run_job(args: argparse.Namespace) -> int:
    """Run a job and write its report. Exit code 1 if a search failed."""
    say(f"checking {args.job}")
    from raysearch import config

    job = config.load(args.job, args.overrides, args.cluster)
    from raysearch import runs  # after the job, for mistakes in it are told sooner

    if job.sweep:
        print("raysearch: note: `run` ignores the job's sweep; `raysearch sweep` runs the grid", file=sys.stderr)
    ended = runs.run(job)
    failed = [end for end in ended if end.error]
    for end in failed:
        print(f"raysearch: {end.task.name} failed: {end.error}", file=sys.stderr)
    _tell(job.run, maps="shipped")
    return 1 if failed else 0


def report(args: argparse.Namespace) -> int:
    """Write the report of a run folder."""
    say(f"reading {args.run}")
    _tell(os.path.expanduser(args.run), args.partial, "all" if args.maps else "")
    return 0


def show_config(args: argparse.Namespace) -> int:
    """Print the resolved configuration of a job, by default with the origin of each value."""
    say(f"resolving {args.job}")
    from raysearch import config
    from raysearch.config import explain
    from raysearch.runs import resolve

    elsewhere = args.cluster is not None
    job = config.load(args.job, args.overrides, args.cluster, elsewhere)
    resolved = resolve(job, elsewhere=True, with_prompts=not job.challenge)
    if args.plain:
        print(config.to_yaml(job), end="")
    else:
        length = resolved.length
        notes = {("generator", "num_frames"): length.note} if length and length.note else {}
        print(explain.annotated(job, config.parts(args.job, args.overrides, args.cluster), notes), end="")
    return 0


def _tell(run: str, partial: bool = False, maps: str = "") -> None:
    """Write the report and print where it is and what it warns of."""
    from raysearch.report.remote import publish

    path, lines = publish(run, partial, maps)
    for line in lines:
        print(line, file=sys.stderr if line.startswith("warning: ") else sys.stdout)
    print(f"report: {path}")
