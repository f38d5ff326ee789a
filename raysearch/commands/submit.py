"""`raysearch submit` and `raysearch slurm`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from raysearch import builtin
from raysearch.commands import jobs
from raysearch.commands.declaring import Declare, say
from raysearch.commands.run import add_cluster, add_job

_SUBMIT = """examples:
  raysearch submit jobs/demo.yaml --cluster clusters/aws/run.yaml
  raysearch submit jobs/demo.yaml --address http://127.0.0.1:8265 run=/shared/demo search.n=32
  raysearch submit sweep jobs/sweep_particles.yaml --cluster clusters/aws/run.yaml
  raysearch submit jobs/demo.yaml --cluster clusters/aws/run.yaml --dry-run

The working directory is sent without what .gitignore and .rayignore name, and raysearch with it. Submitting the same
job again follows it if it is running, and resumes it from its run folder if it has failed.
Ctrl-C leaves the job running. The token of the cluster comes from RAY_AUTH_TOKEN or ~/.ray/auth_token."""

_SLURM = """examples:
  raysearch slurm jobs/demo.yaml --cluster clusters/slurm/run.yaml
  raysearch slurm sweep jobs/sweep_particles.yaml --cluster clusters/slurm/run.yaml --dry-run

Writes the batch script from the cluster file's `slurm:` and its template, and gives it to sbatch."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("submit", submit, "send a job to a Ray cluster and follow it", epilog=_SUBMIT)
    _what(sub)
    jobs.add_where(sub)
    sub.add_argument(
        "--dir", default=".", metavar="FOLDER", help="working directory to send (default: the current one)"
    )
    sub.add_argument("--dry-run", action="store_true", help="show all that would be sent, and send nothing")
    sub.add_argument("--detach", action="store_true", help="do not follow the job")
    sub.add_argument("--again", action="store_true", help="submit even if the same job has already succeeded")
    sub = command("slurm", slurm, "write a batch script for a job, and give it to Slurm", epilog=_SLURM)
    _what(sub)
    add_cluster(sub, "cluster file with a part `slurm:`", required=True)
    sub.add_argument("--dry-run", action="store_true", help="print the script, and submit nothing")


def _what(sub: argparse.ArgumentParser) -> None:
    add_job(sub, cluster=False)
    sub.usage = f"{sub.prog} [run | sweep | challenge] JOB [key=value ...] [options]"


def submit(args: argparse.Namespace) -> int:
    """Send a job to a Ray cluster, or print what would be sent, and follow it to its end."""
    from raysearch.submit import reach, sending

    command, job, words = _command(args)
    url = jobs.url_of(args)
    if not args.dry_run:
        reach.check(url)
    say(f"choosing and checking what is sent for {job}")
    found = sending.prepare(command, job, words, args.cluster, Path(args.dir))
    if args.dry_run:
        print(sending.describe(found, url))
        return 0
    for note in found.notes:
        print(f"note: {note}")
    cluster, client = jobs.connect(url)
    with cluster.readable_errors(url):
        name, new = cluster.submit(client, found, args.again)
        state = cluster.find(client, name).status
        print(_submitted(name, new, state, found), flush=True)
        if not new and state == "SUCCEEDED":
            return 0
        return jobs.detached(args, name) if args.detach else jobs.follow(cluster, client, args, name)


def slurm(args: argparse.Namespace) -> int:
    """Write a batch script for a job and give it to Slurm, or only print it."""
    say("checking the job")
    from raysearch.submit import slurm

    command, job, words = _command(args)
    script = slurm.render(command, job, words, args.cluster)
    if args.dry_run:
        print(script.text, end="")
        return 0
    print(slurm.submit(script))
    return 0


def _command(args: argparse.Namespace) -> tuple[str, str, list[str]]:
    """`JOB ...` is short for `run JOB ...`."""
    from raysearch.errors import UsageError
    from raysearch.submit.sending import COMMANDS

    if args.job not in COMMANDS:
        return "run", args.job, list(args.overrides)
    if not args.overrides or "=" in args.overrides[0]:
        raise UsageError(f"{args.job}: which job? e.g. jobs/demo.yaml, right behind `{args.job}`")
    return args.job, builtin.job(args.overrides[0]), list(args.overrides[1:])


def _submitted(name: str, new: bool, state: str, found: Any) -> str:
    if new:
        return f"submitted {name}; results: {found.run}"
    if state == "SUCCEEDED":
        return f"{name} has already done this job; results: {found.run} (--again: once more, recalling what is there)"
    return f"{name} is already doing this job; results: {found.run}"
