"""What a run has found: result.json of a finished one, and the same from the journal of one that is not finished."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from raysearch import config
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.replay import replay
from raysearch.engine.task import Finished, shown
from raysearch.errors import UsageError
from raysearch.moves import Cost, digest
from raysearch.observe import totals
from raysearch.runs import refining, rewriting, spread
from raysearch.runs.films import path as film_path
from raysearch.runs.provenance import versions
from raysearch.runs.resolve import Resolved, resolve

REPORT, RESULT, CONFIG = "report.html", "result.json", "config.yaml"
BEGUN = ("manifest.json", CONFIG)  # files of a run folder from its first Outcome on
PAGES = ("sweep.html", "challenge.html")  # of folders that hold several runs


def summary(
    resolved: Resolved, searches: Sequence[Finished], unguided: Sequence[Finished], coordinator: Coordinator,
    status: Mapping[str, Any], seconds: float, worked: float,
) -> dict[str, Any]:  # fmt: skip
    """What result.json holds, which is all that the report shows.

    Args:
        resolved: the job.
        searches: how each search ended.
        unguided: the same of the searches of the baseline.
        coordinator: which ran them.
        status: of the executor's pools at the end.
        seconds: what this invocation took.
        worked: seconds during which something was executed.
    """
    entries = [_entry(end) for end in searches]
    return {
        "hash": digest([entry.get("hash") for entry in entries]),
        "searches": entries,
        "unguided": [_entry(end) for end in unguided],
        "reward": resolved.judges[0].label,
        "reward_settings": [judge.settings for judge in resolved.judges],
        "budget": {
            **asdict(coordinator.ledger), "pools": status, "seconds": seconds, "worked_s": worked,
            "damaged": coordinator.journal.damaged, "run": _whole(coordinator.journal),
        },
        "versions": versions(),
    }  # fmt: skip


def interim(run: str) -> dict[str, Any]:
    """What result.json would hold of the finished searches of a local run; `progress` counts them.

    Read from job and journal alone: nothing is written, no model is needed, and the run may be going on.

    Raises:
        UsageError: if no search is finished yet, or a file that a prompt names is missing.
    """
    folder = Path(run)
    try:
        record = json.loads((folder / "manifest.json").read_text())
        record["generator"]["weights"]
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{folder / 'manifest.json'} is damaged, so nothing is known of this run") from None
    journal = Journal(run, record)
    resolved = resolve(replace(config.load(str(folder / CONFIG), elsewhere=True), run=run), record=record)
    of = len(resolved.tasks()) + len(resolved.baseline())
    worded = rewriting.recorded(resolved, run)
    worded = refining.recorded(worded, journal, run)[0] if worded else None
    measured = spread.recorded(worded, journal) if worded else None
    steered, unguided = (measured.tasks(), measured.baseline()) if measured else ([], [])
    ended, plain = ([end for t in tasks if (end := replay(t, journal)) is not None] for tasks in (steered, unguided))
    if not ended:
        raise UsageError(f"{run}: of {of} searches none is finished yet; {_go_on(folder)}")
    for end in (*ended, *plain):
        end.films = dict.fromkeys(shown(end.result, resolved.job.films) if end.result else [])
    return {
        "hash": "", "searches": [_entry(end) for end in ended], "unguided": [_entry(end) for end in plain],
        "reward": resolved.judges[0].label, "budget": {"run": _whole(journal)},
        "progress": [len(ended) + len(plain), of],
    }  # fmt: skip


def folder(run: str, partial: bool = False) -> Path:
    """A local run folder, checked to hold a finished run.

    Args:
        run: its path.
        partial: a run that has begun will do.

    Raises:
        UsageError: if there is no such run in it.
    """
    path = Path(run)
    begun, finished = all((path / name).is_file() for name in BEGUN), (path / RESULT).is_file()
    if finished and not partial:
        return path
    for page in PAGES:
        if (path / page).is_file():
            raise UsageError(
                f"{run}: this folder holds several runs; its page is {path / page}, and the same command writes it anew"
            )
    if not begun:
        raise UsageError(f"{run}: no {RESULT} there; give the folder of a finished run (see `run` in its job file)")
    if not partial:
        raise UsageError(f"{run}: this run has not finished; {_go_on(path)}")
    return path


def unfinished(run: str) -> bool:
    """Whether a local folder holds a run that has begun and has no result."""
    return not (Path(run) / RESULT).is_file() and all((Path(run) / name).is_file() for name in BEGUN)


def _whole(journal: Journal) -> dict[str, Any]:
    """What all invocations of a run have executed and taken together."""
    recorded = journal.outcomes.values()
    cost = sum((o.cost for o in recorded), Cost())
    return {"moves": len(recorded), "cost": asdict(cost), **totals(journal.url)}


def _entry(end: Finished) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": end.task.name, "prompt": asdict(end.task.prompt), "error": end.error, "cost": asdict(end.cost),
        "films": {key: film_path(end.task, key) for key in end.films},
    }  # fmt: skip
    if end.result is not None:
        entry |= asdict(end.result) | {"hash": end.result.digest()}
    return entry


def _go_on(path: Path) -> str:
    return f"to go on with it: raysearch run {path / CONFIG}"
