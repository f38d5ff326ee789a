"""The report of a run: one HTML file that needs nothing but a browser, with videos, plots and what they are worth.

`write` reads the run folder alone (result.json, config.yaml, events, maps/, films/, best/) and computes every number it
shows; of a run that is not finished, the journal in place of result.json.
"""

from __future__ import annotations

from pathlib import Path

from raysearch import storage
from raysearch.report import downloads, films, page, reading, steering
from raysearch.report.reading import Run, read
from raysearch.runs import REPORT

__all__ = ["Run", "read", "warnings", "write"]


def write(run: str | Run, limit: float = films.LIMIT) -> Path:
    """Write report.html into the folder of a run, whole or not at all, and beside it candidates.csv.

    Args:
        run: Folder of the run, or what `read` returned for it.
        limit: Bytes of the file that videos may take. Prompts beyond it are shown with their numbers only.

    Returns:
        The path of the page.

    Raises:
        UsageError: The folder has no finished run, or a result.json that cannot be read.
    """
    found = reading.read(run) if isinstance(run, str) else run
    path = found.folder / REPORT
    downloads.write(found)
    storage.write(path, page.page(found, limit))
    return path


def warnings(run: str | Run) -> list[str]:
    """The warnings of a run, one line each: so far, that a guide raised its reward at the cost of another measure.

    Args:
        run: Folder of the run, or what `read` returned for it.

    Returns:
        The lines; empty if there is nothing to warn of.
    """
    return steering.warnings(reading.read(run) if isinstance(run, str) else run)
