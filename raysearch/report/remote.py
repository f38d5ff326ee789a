"""The report of a run wherever its folder is: one at s3://, gs:// ... is first copied here, as far as it is read."""

from __future__ import annotations

import tempfile
from pathlib import Path

import fsspec

from raysearch import report, storage
from raysearch.report.downloads import CANDIDATES

FINISHED = ("result.json", "config.yaml", "films/", "best/", "maps/", "events")  # what the report of a run reads ...
PARTIAL = (*FINISHED, "manifest.json", "outcomes/")  # ... and that of one that is not finished


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
        path, told = _write(run, partial, maps)
        return str(path), told
    fs, root = fsspec.core.url_to_fs(run)
    with tempfile.TemporaryDirectory() as folder:
        copy = f"{folder}/{root.rstrip('/').rsplit('/', 1)[-1]}"  # the page shows the name of its folder
        found = {path[len(root) :].lstrip("/"): path for path in fs.find(root)}
        wanted = FINISHED if "result.json" in found and not partial else PARTIAL
        for name, path in found.items():
            if name.startswith(wanted):
                Path(copy, name).parent.mkdir(parents=True, exist_ok=True)
                fs.get_file(path, f"{copy}/{name}")
        page, told = _write(copy, partial, maps)
        storage.write(f"{run}/{page.name}", page.read_bytes())
        for path in sorted(Path(copy, "maps").rglob("*.json")):
            storage.write(f"{run}/{path.relative_to(copy)}", path.read_bytes())
        storage.write(f"{run}/{CANDIDATES}", (page.parent / CANDIDATES).read_bytes())
    return f"{run}/{page.name}", told


def _write(folder: str, partial: bool, maps: str) -> tuple[Path, list[str]]:
    """Of a local folder."""
    from raysearch import runs

    found, told = report.read(folder, partial or runs.unfinished(folder)), []
    told += _drawn(found, maps)
    path = report.write(found)
    if found.progress is not None:
        done, of = found.progress
        told.append(f"{done} of {of} searches finished: this is an interim report; the same command resumes the run")
    return path, [*told, *(f"warning: {line}" for line in report.warnings(found))]


def _drawn(found: report.Run, which: str) -> list[str]:
    """Draw the maps of the shown films that are missing, where they are asked for."""
    from raysearch.report import films, maps

    if not which or (which == "shipped" and not maps.shipped(found)):
        return []
    shown = {
        e.name: [e.result.finals[slot].key for slot in films.parts(e.result)]
        for e in found.entries
        if e.result is not None
    }
    drawn = maps.draw(found, shown)
    return [f"surprise maps of {drawn} videos drawn"] if drawn else []
