"""A grid of jobs in one go: `raysearch sweep JOB particles=1,2,4 search=best_of_n,smc seed=0,1`.

All searches of all grid points run in one coordinator over one journal, so a Move that two points share runs once:
best-of-n at 1, 2, ..., 32 costs what 32 costs. Points that need another generator or reward cannot share models; they
run one after the other, each kind in its own folder below `models/`. table.csv, sweep.json and sweep.html hold
no measured time and are written anew whenever searches finish: after a stop, the same command ends with the same bytes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from raysearch import config, runs, storage
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Finished, Ledger, Observer, Task
from raysearch.errors import UsageError
from raysearch.moves import digest
from raysearch.runs import Resolved, Shared, resolve, spread
from raysearch.runs.earlier import begin
from raysearch.runs.films import Films
from raysearch.runs.provenance import versions
from raysearch.runs.rewriting import rewritten
from raysearch.sweep.files import files
from raysearch.sweep.grid import GridPoint
from raysearch.sweep.page import SweepFacts
from raysearch.sweep.table import Cell

EVERY_S = 2.0  # between two writings of the partial results


def run(found: Sequence[GridPoint]) -> tuple[list[Cell], int]:
    """Run all points to their end, or on to their end; returns the cells and how many searches failed.

    The folder then holds table.csv, sweep.json, sweep.html, and budget.json: what this call executed and recalled.
    """
    kinds: dict[str, list[tuple[GridPoint, Resolved]]] = {}
    shared = Shared()
    for point in found:
        resolved = rewritten(resolve(point.job, shared=shared), found[0].job.run)
        spread.known(resolved)
        if resolved.refining:
            raise UsageError("prompts.refine: only `raysearch run` goes on round by round; leave it out of a sweep")
        kinds.setdefault(_models(resolved), []).append((point, resolved))
    plans = [(kind, _tasks(of)) for kind, of in kinds.items()]
    folder = found[0].job.run
    first = found[0].job
    about = SweepFacts(config.plain(first), config.to_yaml(first), versions())
    board = Board(folder, [cell for _, plan in plans for _, cell in plan], about)
    began, ledgers = time.time(), []
    for kind, plan in plans:
        where = folder if len(plans) == 1 else f"{folder}/models/{kind[:8]}"
        ledgers.append(_drive(kinds[kind][0][1], where, plan, board))
    board.write()
    budget = {"ledgers": [asdict(each) for each in ledgers], "seconds": round(time.time() - began, 1)}
    storage.write(f"{folder}/budget.json", json.dumps(budget, indent=1))
    executed, recalled, in_flight = (sum(getattr(x, k) for x in ledgers) for k in ("executed", "recalled", "shared"))
    print(f"{executed} moves executed, {recalled} recalled from the journal, {in_flight} shared in flight", flush=True)
    return board.cells, sum(cell.error is not None for cell in board.cells)


class Board(Observer):
    """Observer that keeps the cells and writes table and plot as searches finish, at most every few seconds."""

    def __init__(self, folder: str, cells: list[Cell], about: SweepFacts | None = None):
        self.folder, self.cells, self.about = folder, cells, about
        self._of = {cell.name: cell for cell in cells}
        self._written = -EVERY_S

    def on_finish(self, finished: Finished) -> None:
        """Keep the result of the search in its cell, and write the files of the sweep if it is time."""
        cell = self._of[finished.task.name]
        cell.result, cell.error, cell.nfe = finished.result, finished.error, finished.cost.nfe
        if time.monotonic() - self._written > EVERY_S:
            self.write()
            self._written = time.monotonic()

    def write(self) -> None:
        """All three files, each whole or not at all."""
        for name, text in files(self.cells, self.about).items():
            storage.write(f"{self.folder}/{name}", text)


def _models(resolved: Resolved) -> str:
    """Which generator and rewards a job needs, however it says them."""
    return digest([resolved.manifest["generator"], resolved.manifest["rewards"]["identity"]])


def _tasks(of: Sequence[tuple[GridPoint, Resolved]]) -> list[tuple[Task, Cell]]:
    """Every search of these points, prompt by prompt, so that the first prompts are compared early."""
    found = []
    for point, resolved in of:
        name = "-".join(f"{key.split('.')[-1]}={_short(value)}" for key, value in point.settings.items()) or "job"
        for place, task in enumerate(resolved.tasks()):
            task.name = f"{name}/{task.name}"
            strategy, n = point.job.search["name"], point.job.search.get("n")
            cell = Cell(task.name, dict(point.settings), strategy, n, point.job.seed, task.prompt.id,
                        point.job.reward["name"])  # fmt: skip
            found.append((place, task, cell))
    found.sort(key=lambda item: item[0])
    return [(task, cell) for _, task, cell in found]


def _drive(resolved: Resolved, folder: str, plan: Sequence[tuple[Task, Cell]], board: Board) -> Ledger:
    """One coordinator over all searches that use the same models."""
    job = resolved.job
    films, todo = Films(folder, resolved.manifest), [task for task, _ in plan]
    with (
        Journal.held(folder, resolved.manifest) as journal,
        runs.stage(resolved, folder, todo, journal, films, time.time()) as (pool, view, others),
    ):
        begin(job, folder)
        coordinator = Coordinator(pool, journal, [view, *others, films, board], job.films, films.has)
        done = coordinator.run(todo)
        runs.prune(job.latents, done, journal, pool.drop)
    return coordinator.ledger


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 and text.replace(".", "").replace("_", "").isalnum() else digest(value)[:8]
