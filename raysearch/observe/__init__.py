"""What a user sees of a run while it goes on: a live table or plain lines, the event log, Ray's metrics, a tracker.

Observers see Rounds, Outcomes and pools, and change nothing; what they cannot write never ends a run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.live import Live

from raysearch.config.settings import Job
from raysearch.engine.task import Observer
from raysearch.observe import notebook, trackers
from raysearch.observe.events import EventLog
from raysearch.observe.history import totals
from raysearch.observe.lines import Lines
from raysearch.observe.progress import Progress
from raysearch.observe.screen import Screen
from raysearch.observe.tracking import Tracking

__all__ = ["EventLog", "Lines", "Progress", "Screen", "totals", "watching"]


@contextmanager
def watching(
    job: Job, folder: str, searches: int, versions: Mapping[str, str], began: float, idle: bool = False
) -> Iterator[tuple[Progress, list[Observer]]]:
    """The observers of a job, to be entered when the executor is ready.

    An error that ends the block is written into the event log and raised again.

    Args:
        job: The job.
        folder: Its run folder, for the event log.
        searches: Number of searches.
        versions: Versions of the libraries, by name.
        began: When the invocation began, as of time.time().
        idle: Nothing is to be executed, so there is no Ray.

    Yields:
        The view on the terminal, which knows the progress of the run, and the other observers: the event log, and the
        metrics of Ray where Ray runs the job, and the tracker that the job names.
    """
    spec = trackers.read(job.track)
    tracked = Tracking(spec, job, folder) if spec else nullcontext()
    with EventLog(job, folder, searches, versions, began) as log, tracked as tracking:
        others: list[Observer] = [log, *([tracking] if tracking is not None else [])]
        if job.cluster.executor == "ray" and not idle:
            from raysearch.observe.ray_metrics import RayMetrics

            others.append(RayMetrics(folder, searches))
        if notebook.here():
            cell = notebook.Notebook(searches)
            yield cell, others
            cell.draw()
            return
        if not sys.stdout.isatty():
            yield Lines(searches), others
            return
        screen = Screen(searches)
        with Live(screen, console=Console(), refresh_per_second=4, transient=False):
            yield screen, others
