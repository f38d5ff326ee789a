"""The report of a run wherever its folder is: one at s3://, gs:// ... is first copied here, as far as it is read.

Files are asked for by name, for the listings of such a store may lag behind its writes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from raysearch import report, runs, storage
from raysearch.engine import segments
from raysearch.errors import UsageError
from raysearch.observe import events
from raysearch.report.downloads import CANDIDATES
from raysearch.runs import results
from raysearch.writers import record


def publish(run: str, partial: bool = False, maps: str = "") -> tuple[str, list[str]]:
    """Write report.html into a run folder, a path or URL.

    Args:
        run: the folder.
        partial: read the journal even if there is a result.
        maps: of which runs surprise maps are drawn first, `all`, `shipped` (whose reward is tiny) or none.

    Returns:
        Where the page is, and lines for the user: how far the run is, and what the report warns of.

    Raises:
        UsageError: the folder holds no run.
    """
    if "://" not in run:
        found = _read(run, partial)
        drawn = draw(found, maps)
        return str(report.write(found)), [*drawn, *_told(found)]
    run = run.rstrip("/")
    with tempfile.TemporaryDirectory() as folder:
        copy = f"{folder}/{run.rsplit('/', 1)[-1]}"  # the page shows the name of its folder
        Path(copy).mkdir()
        _copy(run, copy, [results.RESULT, *results.BEGUN])
        _copy(run, copy, _logs(run))
        if partial or not Path(copy, results.RESULT).is_file():
            listed = [*segments.paths(run), *storage.files(f"{run}/{record.FOLDER}")]
            _copy(run, copy, [path[len(run) :].lstrip("/") for path in listed])
        try:
            found = _read(copy, partial)
        except UsageError as error:
            raise UsageError(str(error).replace(copy, run)) from None
        _copy(run, copy, _films(found))
        known = _maps(found)
        _copy(run, copy, known[:1])
        if known and Path(copy, known[0]).is_file():  # all are drawn, or none
            _copy(run, copy, known)
        drawn = draw(found, maps)
        page = report.write(found)
        for name in [page.name, CANDIDATES, *(known if drawn else [])]:
            if Path(copy, name).is_file():
                storage.write(f"{run}/{name}", Path(copy, name).read_bytes())
    return f"{run}/{page.name}", [*drawn, *_told(found)]


def draw(found: report.Run, which: str) -> list[str]:
    """Draw the maps of the shown films that are missing, where they are asked for; what to tell of it."""
    from raysearch.report import films, maps

    if not which or (which == "shipped" and not maps.shipped(found)):
        return []
    drawn = maps.draw(found, films.shown(found))
    return [f"surprise maps of {drawn} videos drawn"] if drawn else []


def _maps(found: report.Run) -> list[str]:
    """Where the maps of a run would be."""
    from raysearch.report import films, maps

    shown = films.shown(found)
    paths = [e.films.get(key) for e in found.entries for key in shown.get(e.name, [])]
    return [maps.path_of(path) for path in paths if path]


def _logs(run: str) -> list[str]:
    """The files of the event log, by name within the folder."""
    fs, root = storage.locate(run)
    return [path[len(root) :].lstrip("/") for path in events.segments(fs, root)]


def _copy(run: str, copy: str, names: Iterable[str]) -> None:
    """Copy those files of a run folder that are there."""
    for name in names:
        target = Path(copy, name)
        if target.is_file() or not target.resolve().is_relative_to(Path(copy).resolve()):
            continue
        try:
            data = storage.read(f"{run}/{name}")
        except FileNotFoundError:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _films(found: report.Run) -> list[str]:
    """The files in which the films of a run may be."""
    every = (*found.entries, *found.unguided)
    return [*(path for entry in every for path in entry.films.values()), *(f"best/{e.name}.mp4" for e in found.entries)]


def _read(folder: str, partial: bool) -> report.Run:
    """A local folder."""
    return report.read(folder, partial or runs.unfinished(folder))


def _told(found: report.Run) -> list[str]:
    told = []
    if found.progress is not None:
        done, of = found.progress
        told.append(f"{done} of {of} searches finished: this is an interim report; the same command resumes the run")
    return [*told, *(f"warning: {line}" for line in report.warnings(found))]
