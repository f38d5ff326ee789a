"""A run from its job to its folder: resolve the job, execute its searches, write and read what they give."""

from raysearch.runs.execute import (
    BEGUN,
    REPORT,
    RESULT,
    executor,
    folder,
    interim,
    manifest,
    prune,
    run,
    stage,
    summary,
    unfinished,
)

__all__ = [
    "BEGUN", "REPORT", "RESULT", "executor", "folder", "interim", "manifest", "prune", "run", "stage", "summary",
    "unfinished",
]  # fmt: skip
