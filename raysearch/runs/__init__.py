"""A run from its job to its folder: resolve the job, execute its searches, write and read what they give."""

from __future__ import annotations

from typing import Any

from raysearch.config.settings import Job
from raysearch.runs.execute import executor, run, stage
from raysearch.runs.films import prune
from raysearch.runs.resolve import Resolved, Shared, resolve
from raysearch.runs.results import BEGUN, CONFIG, REPORT, RESULT, folder, interim, summary, unfinished

__all__ = [
    "BEGUN", "CONFIG", "REPORT", "RESULT", "Resolved", "Shared", "executor", "folder", "interim", "manifest", "prune",
    "resolve", "run", "stage", "summary", "unfinished",
]  # fmt: skip


def manifest(job: Job | Resolved) -> dict[str, Any]:
    """The manifest of a job, as its run folder will hold it."""
    return dict(resolve(job, with_prompts=False).manifest)
