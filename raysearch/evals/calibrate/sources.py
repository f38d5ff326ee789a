"""What is calibrated on: a finished run, a folder of videos, or a job that is run first, without any selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from raysearch import rewards
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.evals.calibrate import clips, truths
from raysearch.evals.calibrate.clips import Candidates
from raysearch.evals.calibrate.previews import PreviewAgreement, previews
from raysearch.report import reading
from raysearch.runs import RESULT

READS = (0.2, 0.4, 0.6, 0.8)  # fractions of the steps at which a job's previews are scored


@dataclass(frozen=True)
class Source:
    """The candidates and what is known of them.

    Attributes:
        name: The run or folder.
        groups: The candidates.
        truth: What the truth is; empty where there may be none.
        recorded: Specs of the rewards that a run recorded, by label, the search reward first.
        previews: What previews know.
        notes: What a reader should know.
    """

    name: str
    groups: Sequence[Candidates]
    truth: str
    recorded: Mapping[str, Mapping[str, Any]]
    previews: Sequence[PreviewAgreement] = ()
    notes: Sequence[str] = ()


def reading_job(job: Job, candidates: int, watch: Sequence[Mapping[str, Any]]) -> Job:
    """The job that makes independent candidates and scores their previews on the way, and selects nothing.

    Args:
        job: Typed and checked.
        candidates: Of each prompt.
        watch: Further verifiers to record.
    """
    labels = {rewards.label(spec) for spec in (job.reward, *job.watch)}
    more = [dict(spec) for spec in watch if rewards.label(spec) not in labels]
    search = {
        "name": "smc", "n": candidates, "lam": 0.0, "threshold": 0.0, "reads": list(READS),
        "kernel": job.search.get("kernel", "ode"),
    }  # fmt: skip
    return replace(job, search=search, choose={}, films="all", baseline=False, watch=[*job.watch, *more],
                   run=f"{job.run}-calibrate")  # fmt: skip


def of(path: str, truth: str | None) -> Source:
    """Read a finished run or a folder of videos.

    Args:
        path: The folder.
        truth: A file of scores, or the name of a measurement of a run; None for what a run recorded as truth.

    Raises:
        UsageError: There is neither, or the truth cannot be read.
    """
    if not Path(path).is_dir():
        raise UsageError(f"{path}: no such folder or job; give a finished run, a folder of videos, or a job file")
    file = truths.read(truth) if truth and Path(truth).is_file() else None
    if truth and file is None and not (Path(path) / RESULT).is_file():
        raise UsageError(f"--truth {truth}: no such file; a folder of videos needs a CSV or JSON of scores")
    if not (Path(path) / RESULT).is_file():
        return Source(path, clips.of_folder(path, file), truth or "", {})
    run = reading.read(path)
    measure = truth if truth and file is None else clips.TRUTH
    groups = clips.of_run(run, file, measure)
    notes = []
    try:
        found = previews(run, groups)
    except UsageError as error:
        found = []
        notes.append(f"previews are not looked at: {error}")
    if found and not (run.independent or run.config.get("search", {}).get("threshold") == 0):
        notes.append(f"{run.strategy} drops candidates on the way, so previews are compared among survivors, whose "
                     "agreement is lower; a job given to calibrate is run without selection")  # fmt: skip
    name = str(truth) if file else measure if measure != clips.TRUTH or _recorded(groups) else "Physics-IQ Verified"
    return Source(path, groups, name, _specs(run), found, notes)


def _recorded(groups: Sequence[Candidates]) -> bool:
    return any(clips.TRUTH in c.measured for g in groups for c in g.each)


def _specs(run: reading.Run) -> dict[str, Mapping[str, Any]]:
    """The rewards of the run's job that measure a quality, by label."""
    written = [run.config.get("reward"), *(run.config.get("watch") or [])]
    specs = [{"name": s} if isinstance(s, str) else s for s in written if s]
    known = rewards.registry.builtin()
    return {
        rewards.label(s): s for s in specs
        if s["name"] != clips.TRUTH and not (s["name"] in known and known[s["name"]].declared.watched_only)
    }  # fmt: skip
