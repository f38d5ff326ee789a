"""The report of a run: one HTML file that needs nothing but a browser, with videos, plots and what they are worth.

`write` reads the run folder alone (result.json, config.yaml, films/, best/) and computes every number it shows; of a
run that is not finished, the journal in place of result.json.
"""

from __future__ import annotations

from pathlib import Path

from raysearch import storage
from raysearch.report import films, page, reading, steering
from raysearch.report.reading import Run, read
from raysearch.runs import REPORT

__all__ = ["Run", "read", "warnings", "write"]


def write(run: str | Run, limit: float = films.LIMIT) -> Path:
    """Write report.html into the folder of a run, whole or not at all; returns its path.

    run: the folder of a finished run, or what `read` found. limit: bytes of the file that videos may take; prompts
    beyond it are shown with their numbers only. Raises UsageError if the folder holds no finished run, or a result.json
    that cannot be understood.
    """
    found = reading.read(run) if isinstance(run, str) else run
    path = found.folder / REPORT
    storage.write(path, page.page(found, limit))
    return path


def warnings(run: str | Run) -> list[str]:
    """What a run has to warn of, one line each; so far, of a guide that pleases its reward alone."""
    return steering.warnings(reading.read(run) if isinstance(run, str) else run)
