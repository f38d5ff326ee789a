"""Which segments a journal has. Listings of an object store may lag behind its writes, so `segments.json` names them.

The index is written before the first line of a new segment, so it may name one that is not there, and never lacks one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath

from raysearch import storage
from raysearch.errors import UsageError

INDEX = "segments.json"


def paths(url: str) -> list[str]:
    """The files with Outcomes of a run folder, the oldest first: those that are listed, and those that are named.

    Raises:
        UsageError: if the folder cannot be read.
    """
    found = {path for path in storage.files(f"{url}/outcomes") if path.endswith(".jsonl")}
    if not storage.appends(storage.locate(url)[0]):
        found |= {f"{url}/outcomes/{PurePosixPath(name).name}" for name in _named(url)}
    return sorted(found)


def name(url: str, names: Sequence[str]) -> None:
    """Name all segments of a run folder, one of them about to be begun. Raises UsageError if it cannot be written."""
    storage.write(f"{url}/{INDEX}", json.dumps(names))


def _named(url: str) -> list[str]:
    """What the index says; nothing where there is none, or a damaged one: its segments are listed sooner or later."""
    try:
        names = json.loads(storage.read(f"{url}/{INDEX}"))
    except FileNotFoundError:
        return []
    except (ValueError, RecursionError) as error:
        if isinstance(error, UsageError):
            raise
        return []
    return [str(each) for each in names] if isinstance(names, list) else []
