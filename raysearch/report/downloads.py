"""The files beside the page of a run: written with it where they are its own, and linked to where they are there."""

from __future__ import annotations

from raysearch import storage
from raysearch.report import components, export
from raysearch.report.markup import Html
from raysearch.report.reading import Run
from raysearch.runs import RESULT

CANDIDATES = "candidates.csv"
FILES = {
    "candidates.csv": CANDIDATES,
    "result.json": RESULT,
    "config.yaml": "config.yaml",
    "events.jsonl": "events.jsonl",
}
FOLDERS = {"best videos": "best/", "all videos": "films/"}


def write(run: Run) -> None:
    """Write candidates.csv into the folder of a run."""
    storage.write(f"{run.folder}/{CANDIDATES}", export.to_csv(run))


def beside(run: Run) -> Html | None:
    """Links to the files and folders of a run that are there."""
    found = {name: path for name, path in FILES.items() if (run.folder / path).is_file()}
    return components.links(found | {name: path for name, path in FOLDERS.items() if (run.folder / path).is_dir()})
