"""Ray's Jobs API: submit once, follow, come back, cancel. The only file here that imports Ray.

Invariants: nothing is said to a cluster before its address and our token have been checked; of one job, and of one run
folder, at most one attempt is alive on a cluster; a second submission attaches to the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import ray
import requests
from ray.exceptions import AuthenticationError
from ray.job_submission import JobDetails, JobSubmissionClient

from raysearch.errors import UsageError
from raysearch.submit import reach
from raysearch.submit.sending import Sending

ALIVE = ("PENDING", "RUNNING")
POLL_S, TRIES = 0.5, 8
NO_AGENT = (
    "no node of the cluster has an agent that takes jobs: they are still starting, or another Ray on the machine of "
    "the head has the port of its agent; give the command again in a minute, or start the head with another "
    "--dashboard-agent-listen-port (52365 if none is given)"
)
BARE = re.compile(r"No module named '?raysearch'?")
TOKEN = "the cluster's token belongs into RAY_AUTH_TOKEN or ~/.ray/auth_token; see docs/clusters.md"


def connect(url: str) -> JobSubmissionClient:
    """A client of the cluster at a checked URL. Raises UsageError for no answer, a refused token, another Ray version
    and a cluster that asks for no token."""
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):  # Ray would take them instead of the address checked
        os.environ.pop(name, None)
    for module in ("dashboard_sdk", "job.sdk"):
        logging.getLogger(f"ray.dashboard.modules.{module}").setLevel(logging.ERROR)
    with readable_errors(url):
        client = JobSubmissionClient(url, verify=os.environ.get("REQUESTS_CA_BUNDLE") or True)
        theirs = client._server_ray_version  # public methods give the version of the API alone
        if theirs != ray.__version__:
            raise UsageError(
                f"Ray is {ray.__version__} here and {theirs} at {url}; they must be equal: pip install "
                f"'ray[default]=={theirs}' here, or use an image with Ray {ray.__version__}"
            )
        _guarded(url)
    return client


@contextlib.contextmanager
def readable_errors(url: str) -> Iterator[None]:
    """Within, errors of requests to the cluster at `url` are raised as UsageErrors."""
    try:
        yield
    except AuthenticationError as error:
        if not reach.listens(url):  # Ray's client wants a token before it tries
            raise UsageError(reach.silent(url, "nothing listens there")) from None
        given = (
            "refuses the given token" if "failed" in str(error).split(":")[0] else "requires a token, and none is given"
        )
        raise UsageError(f"the cluster at {url} {given}; {TOKEN}") from None
    except (ConnectionError, requests.RequestException) as error:
        raise UsageError(reach.silent(url, type(error).__name__)) from None
    except RuntimeError as error:
        raise UsageError(f"the cluster at {url}: {' '.join(str(error).split())[:300]}") from None


def _guarded(url: str) -> None:
    """Whoever reaches a cluster without token authentication can run code there."""
    answer = requests.get(f"{url}/api/jobs/", timeout=30, verify=os.environ.get("REQUESTS_CA_BUNDLE") or True)
    if answer.status_code != 200:
        return
    what = f"the cluster at {url} requires no token: anyone who reaches it can run code on it"
    if os.environ.get("RAY_AUTH_MODE") != "disabled":  # which `security` refuses for other machines
        raise UsageError(
            f"{what}; start it with RAY_AUTH_MODE=token, or, if it is on this machine and you mean it, say "
            "RAY_AUTH_MODE=disabled here too"
        )
    print(f"warning: {what}", flush=True)


def submit(client: JobSubmissionClient, sending: Sending, again: bool = False) -> tuple[str, bool]:
    """Submit a job, unless it is alive or has already succeeded.

    An attempt that failed or was stopped is followed by another one, which resumes from the run folder.

    Args:
        client: The client of the cluster.
        sending: What to send.
        again: Submit it even if it has succeeded.

    Returns:
        The id of the attempt that does the job, and whether it is a new one.

    Raises:
        UsageError: Another job that is alive writes to the same folder, or no node takes jobs.
    """
    jobs = ours(client)
    mine = {_attempt(name_of(j), sending.id): j for j in jobs if name_of(j).startswith(sending.id)}
    for job in mine.values():
        if job.status in ALIVE or (job.status == "SUCCEEDED" and not again):
            return name_of(job), False
    for job in jobs:
        if job.status in ALIVE and (job.metadata or {}).get("run") == sending.run:
            raise UsageError(
                f"{job.submission_id} is alive and writes to {sending.run}: it is another job (other settings or other "
                "code); wait for it, cancel it, or give another run="
            )
    attempt = max(mine, default=0) + 1
    name = sending.id if attempt == 1 else f"{sending.id}-{attempt}"
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "package.zip"
        package.write_bytes(sending.package)
        environment = {"working_dir": str(package), "env_vars": dict(sending.env)}
        try:
            client.submit_job(
                entrypoint=sending.entrypoint,
                submission_id=name,
                runtime_env=environment,
                metadata=dict(sending.metadata),
            )
        except RuntimeError as error:
            if "already exists" in str(error):  # somebody was faster
                return name, False
            if "No available agent" in str(error):
                raise UsageError(NO_AGENT) from None
            raise
    return name, True


def _attempt(name: str, first: str) -> int:
    return int(name.removeprefix(first).lstrip("-") or 1)


def follow(client: JobSubmissionClient, name: str) -> int:
    """Print the logs of a job from their beginning until it ends; returns its exit code.

    A connection that breaks is taken up where it was. KeyboardInterrupt leaves the job alone.

    Raises:
        UsageError: The Python of the cluster has no raysearch.
    """
    asyncio.run(_print_logs(client, name))
    code = finish(client, name)
    if code and any(BARE.search(line) for line in client.get_job_logs(name).splitlines()[-3:]):
        raise UsageError(
            f"{name}: the Python of the cluster has no raysearch; leave cluster.submit.ship at true, which sends it "
            "along, or install it in the image (docs/clusters.md, The image)"
        )
    return code


def finish(client: JobSubmissionClient, name: str) -> int:
    """Wait for the end of a job; its exit code, 130 if it was cancelled."""
    while (info := client.get_job_info(name)).status in ALIVE:
        time.sleep(POLL_S)
    if info.status == "SUCCEEDED":
        return 0
    code = info.driver_exit_code
    if info.status == "STOPPED":
        return 130
    return 1 if not code else code if code > 0 else 128 - code


async def _print_logs(client: JobSubmissionClient, name: str) -> None:
    printed, tries = 0, 0
    while True:
        seen = 0
        try:
            while (await asyncio.to_thread(client.get_job_info, name)).status == "PENDING":  # it has no log yet
                await asyncio.sleep(POLL_S)
            async for text in client.tail_job_logs(name):  # from the beginning of the log, every time
                print(text[max(printed - seen, 0) :], end="", flush=True)
                seen += len(text)
                printed, tries = max(printed, seen), 0
        except (RuntimeError, aiohttp.ClientError, OSError):
            tries += 1
        with contextlib.suppress(RuntimeError, OSError):
            if (await asyncio.to_thread(client.get_job_info, name)).status not in ALIVE:
                print((await asyncio.to_thread(client.get_job_logs, name))[printed:], end="", flush=True)
                return
        if tries > TRIES:
            raise UsageError(
                f"lost the connection to the cluster; {name} goes on there: raysearch logs {name} --follow"
            )
        await asyncio.sleep(min(POLL_S * 2**tries, 30))


def ours(client: JobSubmissionClient) -> list[JobDetails]:
    """The jobs of the cluster that raysearch submitted, the newest first."""
    found = [j for j in client.list_jobs() if j.submission_id and "raysearch" in (j.metadata or {})]
    return sorted(found, key=lambda j: j.start_time or 0, reverse=True)


def name_of(job: JobDetails) -> str:
    """The id under which it was submitted."""
    return job.submission_id or ""


def find(client: JobSubmissionClient, name: str | None) -> JobDetails:
    """The job of an id or the beginning of one; the newest for None. Raises UsageError if there is none, or several."""
    jobs = ours(client)
    matching = [j for j in jobs if name_of(j) == name] or [j for j in jobs if name_of(j).startswith(name or "")]
    if not matching:
        there = ", ".join(map(name_of, jobs[:5])) or "none"
        raise UsageError(f"no job {name or 'of raysearch'} on this cluster; there are: {there}")
    if name is not None and len(matching) > 1:
        raise UsageError(f"{name!r} begins several ids: {', '.join(map(name_of, matching))}; give more of it")
    return matching[0]


def row(job: JobDetails, now: float) -> dict[str, Any]:
    """What `raysearch list` and `status` show of a job. age: seconds since its start."""
    metadata, began, ended = job.metadata or {}, (job.start_time or 0) / 1000, (job.end_time or 0) / 1000
    return {
        "id": name_of(job), "state": job.status.value if hasattr(job.status, "value") else str(job.status),
        "age": now - began if began else 0.0, "took": (ended or now) - began if began else 0.0,
        "what": f"{metadata.get('command', '?')} {metadata.get('job', '?')}", "run": metadata.get("run", "?"),
        "message": " ".join((job.message or "").split())[:200],
    }  # fmt: skip
