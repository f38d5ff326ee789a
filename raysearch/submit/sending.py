"""What a submission is, before anything is sent: job checked, files chosen, command, identity. Knows no Ray.

Identity is the fingerprint of the resolved job (without the cluster), the files it names and the code: the same job
submitted twice is one. Invariants: everything that leaves is in `Sending`; no field of it holds a secret.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raysearch import __version__, config, security
from raysearch.config import checks
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.executors import machine
from raysearch.moves import digest
from raysearch.runs.prompts import prompts
from raysearch.runs.resolve import Shared, resolve
from raysearch.security.kinds import SECRET_KEY
from raysearch.submit.package import MB, Parcel, collect

COMMANDS = ("run", "sweep", "challenge")
CARRIED = ".raysearch"  # folder of the package for job and cluster files from outside of the working directory
EXPECTED = "RAYSEARCH_VERSION"  # of the submitter, checked by the job


@dataclass(frozen=True)
class Sending:
    """What a submission consists of.

    Attributes:
        id: Identity of the job, without the number of an attempt.
        entrypoint: The command that the cluster runs.
        run: Where the results go.
        env: Environment variables of the job.
        metadata: What the cluster stores with the job.
        parcel: The files.
        package: The files as a zip.
        notes: Notes for the user.
    """

    id: str
    entrypoint: str
    run: str
    env: Mapping[str, str]
    metadata: Mapping[str, str]
    parcel: Parcel
    package: bytes
    notes: Sequence[str]


def prepare(command: str, job_file: str, words: Sequence[str], cluster_file: str | None, root: Path) -> Sending:
    """Prepare and check all that would be sent.

    Args:
        command: run, sweep or challenge.
        job_file: The job file.
        words: Overrides, key=value.
        cluster_file: The cluster file; None for none.
        root: The working directory, which is sent.

    Returns:
        What to send.

    Raises:
        UsageError: The job is wrong, or its run folder would be lost with the machine.
    """
    root = root.resolve()
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder; --dir names the working directory to send")
    job, what, notes = _checked(command, job_file, words, cluster_file)
    notes = [*_run_folder(job.run), *notes]
    settings, media = job.cluster.submit, _named(job, root)
    named = dict(media)
    sent = {"job": _carry(job_file, root, named)}
    entry = ["python", "-m", "raysearch.cli", command, sent["job"]]
    if cluster_file:
        entry += ["--cluster", _carry(cluster_file, root, named)]
    entry += [*words, "cluster.address=auto"]
    parcel = collect(root, settings.exclude, named, settings.ship, settings.max_file_mb)
    fingerprint = digest([command, what, _content(media), __version__, parcel.code()])
    return Sending(
        id=f"raysearch-{command}-{fingerprint[:12]}",
        entrypoint=shlex.join(entry),
        run=job.run,
        env=_environment(settings.env),
        metadata={"raysearch": __version__, "command": command, "run": job.run, "fingerprint": fingerprint, **sent},
        parcel=parcel,
        package=parcel.pack(settings.max_mb),
        notes=notes,
    )


def identify(command: str, job_file: str, words: Sequence[str], cluster_file: str | None) -> tuple[Job, str]:
    """The job and its id, for machines that see this working directory."""
    job, what, _ = _checked(command, job_file, words, cluster_file)
    fingerprint = digest([command, what, _content(_named(job, Path.cwd())), __version__, Parcel({}, ()).code()])
    return job, f"raysearch-{command}-{fingerprint[:12]}"


def describe(sending: Sending, address: str) -> str:
    """What `--dry-run` prints: all that would be sent, of the environment the names only."""
    sizes = sending.parcel.sizes()
    lines = [
        f"to          {address}",
        f"id          {sending.id}   (further attempts: {sending.id}-2, ...)",
        f"entrypoint  {sending.entrypoint}",
        f"results     {sending.run}",
        f"environment {', '.join(sending.env) or '-'}",
        *(f"metadata    {key}: {value}" for key, value in sending.metadata.items()),
        f"package     {len(sending.package) / MB:.1f} MB, {len(sizes)} files of {sum(sizes.values()) / MB:.1f} MB",
        *(f"  {size:>12,}  {name}" for name, size in sizes.items()),
        f"left out    {', '.join(sending.parcel.left_out) or '-'}",
        *(f"note        {note}" for note in sending.notes),
        "nothing has been sent",
    ]
    return "\n".join(lines)


def _checked(command: str, job_file: str, words: Sequence[str], cluster_file: str | None) -> tuple[Job, Any, list[str]]:
    """The job, all that decides its results, and notes; checked as far as it can be without the cluster's machines."""
    if command == "sweep":
        from raysearch import sweep

        points, shared = sweep.points(job_file, words, cluster_file, elsewhere=True), Shared()
        told = [note for point in points for note in resolve(point.job, elsewhere=True, shared=shared).notes]
        each = [[dict(point.settings), _without_cluster(point.job)] for point in points]
        return points[0].job, each, list(dict.fromkeys(told))
    job = config.load(job_file, words, cluster_file, elsewhere=True)
    resolved = resolve(job, elsewhere=True, with_prompts=command == "run")
    machine.check_gpus(job)
    if command == "challenge" and (data := str(job.challenge.get("data", ""))) != "tiny" and checks.is_relative(data):
        raise UsageError(
            f"challenge.data={data!r}: give the folder as the cluster's machines see it, e.g. /shared/{data}"
        )
    return job, _without_cluster(job), resolved.notes


def _without_cluster(job: Job) -> dict[str, Any]:
    return {key: value for key, value in config.plain(job).items() if key != "cluster"}


def _run_folder(run: str) -> list[str]:
    """Notes on where the results go. Raises UsageError for a folder that the job would lose."""
    if checks.is_relative(run) or run.startswith("~"):
        raise UsageError(
            f"run={run}: on the cluster this is a folder of one machine, which is lost with the job; set "
            "cluster.storage to what all nodes see (s3://my-bucket/raysearch, gs://..., /shared), or give run=s3://my-bucket/NAME"
        )
    return [] if "://" in run else [f"{run} must be the same, shared folder on every node"]


def _named(job: Job, root: Path) -> dict[str, Path]:
    """Files that the job's prompts name. Raises UsageError for one that will not be where the job looks for it."""
    found = {}
    listed = job.prompts.file
    files = [(f"prompt {p.id!r}", p.image or p.video) for p in (prompts(job) if job.prompts.items or listed else [])]
    if listed is not None:
        path = Path(listed)
        beside = sorted(path.glob("*.txt")) if path.is_dir() else [path]
        files += [("prompts.file", str(file)) for file in beside]
    for what, file in files:
        if file is None or "://" in file or os.path.isabs(file):
            continue
        path = (root / file).resolve()
        if not path.is_relative_to(root):
            raise UsageError(f"{what}: {file} lies outside of {root}, which is sent; --dir names another")
        if not path.is_file():
            raise UsageError(f"{what}: {file}: no such file in {root}")
        found[Path(os.path.normpath(file)).as_posix()] = path
    return found


def _content(files: Mapping[str, Path]) -> list[list[str]]:
    return [[name, hashlib.sha256(path.read_bytes()).hexdigest()] for name, path in sorted(files.items())]


def _carry(file: str, root: Path, named: dict[str, Path]) -> str:
    """The name of a job or cluster file in the package; it goes along wherever it is."""
    path = Path(file).resolve()
    inside = path.is_relative_to(root)
    name = path.relative_to(root).as_posix() if inside else f"{CARRIED}/{digest(str(path))[:6]}-{path.name}"
    named[name] = path
    return name


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    """Variables of the job. Raises UsageError for one that is a secret by its name; values are checked as settings."""
    for name in env:
        if SECRET_KEY.search(name) or name.startswith(("RAY_AUTH", "AWS_SE", "AWS_ACC")):
            raise UsageError(
                f"cluster.submit.env.{name}: the environment of a job can be read in the dashboard; {security.REMEDY}"
            )
    open_to_all = {"RAY_AUTH_MODE": "disabled"} if os.environ.get("RAY_AUTH_MODE") == "disabled" else {}
    return {**env, **open_to_all, EXPECTED: __version__}
