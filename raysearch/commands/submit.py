"""`raysearch submit`, and what comes after: `status`, `logs`, `cancel`, `list`; `raysearch slurm`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from raysearch import builtin
from raysearch.commands.declaring import Declare
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
    _where(sub)
    sub.add_argument(
        "--dir", default=".", metavar="FOLDER", help="working directory to send (default: the current one)"
    )
    sub.add_argument("--dry-run", action="store_true", help="show all that would be sent, and send nothing")
    sub.add_argument("--detach", action="store_true", help="do not follow the job")
    sub.add_argument("--again", action="store_true", help="submit even if the same job has already succeeded")
    for name, function, text, optional in (
        ("status", status, "show the state of a submitted job", True),
        ("logs", logs, "print what a submitted job has printed", True),
        ("cancel", cancel, "stop a submitted job; what it has finished is kept", False),
    ):
        sub = command(name, function, text)
        newest = " (default: the newest)" if optional else ""
        sub.add_argument("id", nargs="?" if optional else None, help=f"id of the job, or its first letters{newest}")
        _where(sub)
        if name == "logs":
            sub.add_argument(
                "--follow", action="store_true", help="print until the job ends, and exit with its exit code"
            )
    sub = command("list", list_jobs, "list the jobs of raysearch on a cluster")
    _where(sub)
    sub = command("slurm", slurm, "write a batch script for a job, and give it to Slurm", epilog=_SLURM)
    _what(sub)
    add_cluster(sub, "cluster file with a part `slurm:`", required=True)
    sub.add_argument("--dry-run", action="store_true", help="print the script, and submit nothing")


def _what(sub: argparse.ArgumentParser) -> None:
    add_job(sub, cluster=False)
    sub.usage = f"{sub.prog} [run | sweep | challenge] JOB [key=value ...] [options]"


def _where(sub: argparse.ArgumentParser) -> None:
    add_cluster(sub, "cluster file; its submit.address is the dashboard")
    sub.add_argument("--address", metavar="URL", help="dashboard of the cluster, e.g. http://127.0.0.1:8265")
    sub.add_argument(
        "--insecure", action="store_true", help="allow plain http to another machine: token and job unencrypted"
    )


def submit(args: argparse.Namespace) -> int:
    """Send a job to a Ray cluster, or print what would be sent, and follow it to its end."""
    from raysearch.submit import sending

    command, job, words = _command(args)
    url = _url(args)
    found = sending.prepare(command, job, words, args.cluster, Path(args.dir))
    if args.dry_run:
        print(sending.describe(found, url))
        return 0
    for note in found.notes:
        print(f"note: {note}")
    cluster, client = _connect(url)
    with cluster.readable_errors(url):
        name, new = cluster.submit(client, found, args.again)
        state = cluster.find(client, name).status
        print(_submitted(name, new, state, found), flush=True)
        if not new and state == "SUCCEEDED":
            return 0
        return _detached(args, name) if args.detach else _follow(cluster, client, args, name)


def status(args: argparse.Namespace) -> int:
    """Print the state of a submitted job."""
    url = _url(args)
    cluster, client = _connect(url)
    with cluster.readable_errors(url):
        job = cluster.find(client, args.id)
        row = cluster.row(job, time.time())
        lines = client.get_job_logs(row["id"]).splitlines()
    print(
        f"{row['id']}  {row['state']}\nwhat     {row['what']}\nresults  {row['run']}\nbegan    {_span(row['age'])} ago"
    )
    print(f"took     {_span(row['took'])}\nmessage  {row['message']}")
    print("".join(f"last     {line}\n" for line in lines[-1:]), end="")
    return 0


def logs(args: argparse.Namespace) -> int:
    """Print what a submitted job has printed; with --follow, until it ends."""
    url = _url(args)
    cluster, client = _connect(url)
    with cluster.readable_errors(url):
        name = cluster.find(client, args.id).submission_id
        if args.follow:
            return _follow(cluster, client, args, name)
        print(client.get_job_logs(name), end="")
    return 0


def cancel(args: argparse.Namespace) -> int:
    """Stop a submitted job. What it finished is kept."""
    url = _url(args)
    cluster, client = _connect(url)
    with cluster.readable_errors(url):
        job = cluster.find(client, args.id)
        if job.status not in cluster.ALIVE:
            print(f"{job.submission_id} is not running: {cluster.row(job, 0)['state']}")
            return 0
        client.stop_job(job.submission_id)
        cluster.finish(client, job.submission_id)
    print(f"{job.submission_id} is stopped; what it finished is kept, and submitting it again goes on from there")
    return 0


def list_jobs(args: argparse.Namespace) -> int:
    """Print a table of the jobs of raysearch on a cluster."""
    url = _url(args)
    cluster, client = _connect(url)
    with cluster.readable_errors(url):
        rows = [cluster.row(job, time.time()) for job in cluster.ours(client)]
    table = [("id", "state", "age", "took", "what", "results")]
    table += [(r["id"], r["state"], _span(r["age"]), _span(r["took"]), r["what"], r["run"]) for r in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
    return 0


def slurm(args: argparse.Namespace) -> int:
    """Write a batch script for a job and give it to Slurm, or only print it."""
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


def _url(args: argparse.Namespace) -> str:
    """The checked address of the dashboard, from --address or the cluster file; Ray will want a token for it."""
    from raysearch import config, security
    from raysearch.errors import UsageError

    address = args.address or (config.load_cluster(args.cluster).submit.address if args.cluster else None)
    if address is None:
        where = f"{args.cluster}: submit.address is not set" if args.cluster else "no cluster is named"
        raise UsageError(
            f"{where}; give --address URL of its dashboard, or --cluster FILE with submit: {{address: URL}}"
        )
    url = security.check_address(address, args.insecure)
    if not getattr(args, "dry_run", False):
        security.authenticate_client(url)
    return url


def _connect(url: str) -> tuple[Any, Any]:
    from raysearch.submit import cluster

    return cluster, cluster.connect(url)


def _submitted(name: str, new: bool, state: str, found: Any) -> str:
    if new:
        return f"submitted {name}; results: {found.run}"
    if state == "SUCCEEDED":
        return f"{name} has already done this job; results: {found.run} (--again: once more, recalling what is there)"
    return f"{name} is already doing this job; results: {found.run}"


def _follow(cluster: Any, client: Any, args: argparse.Namespace, name: str) -> int:
    try:
        code: int = cluster.follow(client, name)
    except KeyboardInterrupt:
        return 130 if _detached(args, name) == 0 else 1
    print({0: f"{name} has succeeded", 130: f"{name} was stopped"}.get(code, f"{name} has failed, exit code {code}"))
    return code


def _detached(args: argparse.Namespace, name: str) -> int:
    where = f"--cluster {args.cluster}" if args.cluster and not args.address else f"--address {args.address}"
    where += " --insecure" if args.insecure else ""
    print(f"\n{name} continues on the cluster\n  follow it:  raysearch logs {name} --follow {where}\n"
          f"  stop it:    raysearch cancel {name} {where}", flush=True)  # fmt: skip
    return 0


def _span(seconds: float) -> str:
    s = int(seconds)
    for unit, of in (("d", 86400), ("h", 3600), ("min", 60)):
        if s >= of:
            return f"{s / of:.1f} {unit}"
    return f"{s} s"
