"""What an earlier search has left in a run folder: told, and removed before another one writes its own.

Recorded Moves and films stay, whose names are their keys. result.json, report.html and best/ speak of one search alone,
so they go before the configuration of another one is written: no kill in between can leave the two mixed.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from raysearch import config, storage
from raysearch.config.settings import Job
from raysearch.runs.results import CONFIG, REPORT, RESULT

BEST = "best"
ONE_SEARCH = (RESULT, REPORT, BEST)  # what speaks of the search of config.yaml
SHOWN = 4  # differences that are told


def begin(job: Job, folder: str) -> None:
    """Make a folder that of this job's searches: write its config.yaml, and remove the results of others.

    Args:
        job: the job.
        folder: the run folder, which the caller holds (see `Journal.held`).

    Raises:
        UsageError: if it cannot be written.
    """
    there = [name for name in ONE_SEARCH if storage.exists(f"{folder}/{name}")]
    if there and (changed := _changed(job, folder)):
        names = ", ".join(f"{name}/" if name == BEST else name for name in there)
        print(f"{folder} held another search: {changed}. Replaced: {names}; recorded moves are kept", flush=True)
        for name in there:
            storage.remove(f"{folder}/{name}")
    storage.write(f"{folder}/{CONFIG}", config.to_yaml(job))


def _changed(job: Job, folder: str) -> str:
    """How the search that config.yaml tells of differs from this job; empty if it does not."""
    try:
        written = storage.read(f"{folder}/{CONFIG}")  # of a URL too; a pipe would not be read to an end
        with tempfile.TemporaryDirectory() as near:
            (copy := Path(near, CONFIG)).write_bytes(written)
            earlier = config.load(str(copy), elsewhere=True)
    except (OSError, ValueError):
        return f"its {CONFIG} is missing or damaged"
    old, new = _searched(earlier), _searched(job)
    told = [
        f"{k} was {_short(old.get(k))}, now {_short(new.get(k))}" for k in {**old, **new} if old.get(k) != new.get(k)
    ]
    return "; ".join(told[:SHOWN]) + (f"; and {len(told) - SHOWN} more" if len(told) > SHOWN else "")


def _searched(job: Job) -> dict[str, Any]:
    """What decides the results of a job beside its models, by key. The manifest sees to models and rewards."""
    parts = {"search": job.search, "prompts": asdict(job.prompts), "choose": job.choose}
    flat = {f"{part}.{k}": v for part, values in parts.items() for k, v in values.items()}
    return {"seed": job.seed, "baseline": job.baseline, **flat}


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
