"""`raysearch run`, `raysearch config`, `raysearch report`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_RUN = """examples:
  raysearch run jobs/demo.yaml
  raysearch run jobs/demo.yaml search.n=32 seed=1 run=runs/demo32
  raysearch run jobs/demo.yaml cluster.executor=inline
  raysearch run jobs/demo.yaml --cluster clusters/local.yaml cluster.generators.replicas=4

A run that was stopped goes on where it was: give the same command again. Everything lands in the folder that `run=`
names: report.html, best/*.mp4, result.json, and the journal that makes resuming possible."""


def add(command) -> None:
    for name, function, text, epilog in (
        ("run", run_job, "run a job, or go on with one that was stopped, and write its report", _RUN),
        ("config", show_config, "print the resolved configuration of a job, and run nothing", None),
    ):
        sub = command(name, function, text, epilog=epilog)
        add_job(sub)
        if name == "config":
            sub.add_argument("--plain", action="store_true", help="without where each value came from")
    sub = command("report", report, "write the report of a finished run again")
    sub.add_argument("run", help="folder of the run")


def add_job(sub: argparse.ArgumentParser, cluster: bool = True) -> None:
    """The arguments of every command that takes a job."""
    sub.add_argument("job", help="job file: what to run (YAML)")
    sub.add_argument(
        "overrides", nargs="*", default=[], metavar="key=value", help="settings that override the job file"
    )
    if cluster:
        sub.add_argument("--cluster", metavar="FILE", help="cluster file: where to run (default: this machine)")


def run_job(args: argparse.Namespace) -> int:
    from raysearch import config, runs

    job = config.load(args.job, args.overrides, args.cluster)
    if job.sweep:
        print("raysearch: note: `run` leaves the job's sweep out; `raysearch sweep` runs the grid", file=sys.stderr)
    done = runs.run(job)
    failed = [end for end in done if end.error]
    for end in failed:
        print(f"raysearch: {end.task.name} failed: {end.error}", file=sys.stderr)
    _tell(job.run)
    return 1 if failed else 0


def report(args: argparse.Namespace) -> int:
    _tell(args.run)
    return 0


def show_config(args: argparse.Namespace) -> int:
    from raysearch import config, origins

    job = config.load(args.job, args.overrides, args.cluster, elsewhere=args.cluster is not None)
    if args.plain:
        print(config.to_yaml(job), end="")
    else:
        print(origins.annotated(job, config.parts(args.job, args.overrides, args.cluster)), end="")
    return 0


def _tell(run: str) -> None:
    """Write the report and say where it is, and what it warns of; of a run on s3://, gs:// ... by way of a copy."""
    import tempfile

    import fsspec

    from raysearch.report import write

    if "://" not in run:
        print(f"report: {write(run)}")
        _warn(run)
        return
    fs, root = fsspec.core.url_to_fs(run)
    with tempfile.TemporaryDirectory() as copy:
        for path in fs.find(root):
            name = path[len(root) :].lstrip("/")
            if name in ("result.json", "config.yaml") or name.startswith(("films/", "best/")):
                Path(copy, name).parent.mkdir(parents=True, exist_ok=True)
                fs.get_file(path, f"{copy}/{name}")
        fs.pipe_file(f"{root}/report.html", write(copy).read_bytes())
        print(f"report: {run}/report.html")
        _warn(copy)


def _warn(run: str) -> None:
    from raysearch.report import warnings

    for line in warnings(run):
        print(f"warning: {line}", file=sys.stderr)
