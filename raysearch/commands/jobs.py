"""What comes after a job was begun: `raysearch status`, `logs`, `cancel` and `list`.

`status` and `logs` take the folder of a run as well, which may go on in another terminal or on another machine.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from raysearch.commands.declaring import Declare, add_json, print_json, say
from raysearch.commands.run import add_cluster
from raysearch.errors import UsageError
from raysearch.stopping import Terminated

_FOLDER = """examples:
  raysearch {0} runs/demo                                  # a run, wherever it goes on
  raysearch {0} --address http://127.0.0.1:8265            # the newest job of a cluster, or give an id"""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    for name, function, text, optional in (
        ("status", status, "show how far a run or a submitted job is", True),
        ("logs", logs, "print what has happened in a run, or what a submitted job has printed", True),
        ("cancel", cancel, "stop a submitted job; what it has finished is kept", False),
    ):
        sub = command(name, function, text, epilog=_FOLDER.format(name) if optional else None)
        what = "folder of a run, or id of a job, or its first letters (default: the newest job)"
        sub.add_argument(
            "id", nargs="?" if optional else None, help=what if optional else "id of the job, or its first letters"
        )
        add_where(sub)
        if name == "logs":
            sub.add_argument("--follow", action="store_true", help="print until it ends, and exit with its exit code")
        if name == "status":
            add_json(sub)
    sub = command("list", list_jobs, "list the jobs of raysearch on a cluster")
    add_where(sub)
    add_json(sub)


def add_where(sub: argparse.ArgumentParser) -> None:
    """The arguments that say where a cluster is."""
    add_cluster(sub, "cluster file; its submit.address is the dashboard")
    sub.add_argument("--address", metavar="URL", help="dashboard of the cluster, e.g. http://127.0.0.1:8265")
    sub.add_argument(
        "--insecure", action="store_true", help="allow plain http to another machine: token and job unencrypted"
    )


def status(args: argparse.Namespace) -> int:
    """Print the state of a run folder or of a submitted job."""
    if _is_run(args):
        return _standing(args)
    url = url_of(args)
    cluster, client = connect(url)
    with cluster.readable_errors(url):
        job = cluster.find(client, args.id)
        row = cluster.row(job, time.time())
        lines = client.get_job_logs(row["id"]).splitlines()
    if args.json:
        print_json({**row, "last": "".join(lines[-1:])})
        return 0
    print(
        f"{row['id']}  {row['state']}\nwhat     {row['what']}\nresults  {row['run']}\nbegan    {_span(row['age'])} ago"
    )
    print(f"took     {_span(row['took'])}\nmessage  {row['message']}")
    print("".join(f"last     {line}\n" for line in lines[-1:]), end="")
    return 0


def logs(args: argparse.Namespace) -> int:
    """Print what has happened in a run, or what a submitted job has printed; with --follow, until it ends."""
    if _is_run(args):
        from raysearch.observe import standing

        for line in standing.lines(args.id, args.follow):
            print(line, flush=True)
        return standing.code(args.id) if args.follow else 0
    url = url_of(args)
    cluster, client = connect(url)
    with cluster.readable_errors(url):
        name = cluster.find(client, args.id).submission_id
        if args.follow:
            return follow(cluster, client, args, name)
        print(client.get_job_logs(name), end="")
    return 0


def cancel(args: argparse.Namespace) -> int:
    """Stop a submitted job. What it finished is kept."""
    url = url_of(args)
    cluster, client = connect(url)
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
    url = url_of(args)
    cluster, client = connect(url)
    with cluster.readable_errors(url):
        rows = [cluster.row(job, time.time()) for job in cluster.ours(client)]
    if args.json:
        print_json(rows)
        return 0
    if not rows:
        print(f"no jobs of raysearch on {url}")
        return 0
    table = [("id", "state", "age", "took", "what", "results")]
    table += [(r["id"], r["state"], _span(r["age"]), _span(r["took"]), r["what"], r["run"]) for r in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
    return 0


def url_of(args: argparse.Namespace) -> str:
    """The checked address of the dashboard, from --address or the cluster file; Ray will want a token for it."""
    from raysearch import security

    address = args.address
    if address is None and args.cluster:
        from raysearch import config

        address = config.load_cluster(args.cluster).submit.address
    if address is None:
        where = f"{args.cluster}: submit.address is not set" if args.cluster else "no cluster is named"
        folder = "; for a run of this machine give its folder, e.g. runs/demo" if "id" in args else ""
        raise UsageError(
            f"{where}; give --address URL of its dashboard, or --cluster FILE with submit: {{address: URL}}{folder}"
        )
    url = security.check_address(address, args.insecure)
    if not getattr(args, "dry_run", False):
        security.authenticate_client(url)
    return url


def connect(url: str) -> tuple[Any, Any]:
    """The module that talks to clusters, which imports Ray, and a client of the cluster at a checked URL."""
    from raysearch.submit import reach

    reach.check(url)
    say(f"asking {url}")
    from raysearch.submit import cluster

    return cluster, cluster.connect(url)


def follow(cluster: Any, client: Any, args: argparse.Namespace, name: str) -> int:
    """Print what a job prints until it ends; returns its exit code. Ctrl-C leaves the job running."""
    try:
        code: int = cluster.follow(client, name)
    except KeyboardInterrupt as stopped:
        detached(args, name)
        return 143 if isinstance(stopped, Terminated) else 130
    print({0: f"{name} has succeeded", 130: f"{name} was stopped"}.get(code, f"{name} has failed, exit code {code}"))
    return code


def detached(args: argparse.Namespace, name: str) -> int:
    """Say how to come back to a job that goes on."""
    where = f"--cluster {args.cluster}" if args.cluster and not args.address else f"--address {args.address}"
    where += " --insecure" if args.insecure else ""
    print(f"\n{name} continues on the cluster\n  follow it:  raysearch logs {name} --follow {where}\n"
          f"  stop it:    raysearch cancel {name} {where}", flush=True)  # fmt: skip
    return 0


def _is_run(args: argparse.Namespace) -> bool:
    """Whether a folder is meant, and not a job of a cluster. Raises UsageError for a path that is none."""
    if args.id is None or args.address or args.cluster:
        return False
    if "://" in args.id or Path(args.id).is_dir():
        return True
    if "/" in args.id:
        raise UsageError(f"{args.id}: no such folder; give the folder of a run (see `run` in its job file)")
    return False


def _standing(args: argparse.Namespace) -> int:
    from raysearch.observe import standing

    found = standing.read(args.id)
    if args.json:
        print_json(found)
        return 0
    print(f"{args.id}  {found['state']}{' by ' + found['by'] if found['by'] else ''}")
    failed = f", {found['failed']} failed" if found["failed"] else ""
    print(f"searches {found['finished']} of {found['searches']} finished{failed}")
    print(f"moves    {found['executed']} executed, {found['recalled']} recalled, {found['nfe']} network evaluations")
    if found["best_reward"] is not None:
        print(f"best     reward {found['best_reward']:.4f}, {found['best_search']}")
    for row in found["working"][:5]:
        print(f"working  {row['search']}: round {row['round']}, {row['answered']} of {row['moves']} moves")
    if len(found["working"]) > 5:
        print(f"         and {len(found['working']) - 5} more")
    print(f"began    {_span(found['began_s'])} ago\nlast     event {_span(found['last_s'])} ago")
    if found["remedy"]:
        print(found["remedy"])
    return 0


def _span(seconds: float) -> str:
    s = int(seconds)
    for unit, of in (("d", 86400), ("h", 3600), ("min", 60)):
        if s >= of:
            return f"{s / of:.1f} {unit}"
    return f"{s} s"
