"""A grid of jobs in one go: `raysearch sweep JOB particles=1,2,4 search=best_of_n,smc seed=0,1`.

All searches of all grid points run in one coordinator over one journal, so a Move that two points share runs once:
best-of-n at 1, 2, ..., 32 costs what 32 costs. Points that need another generator or reward cannot share models; they
run one after the other, each kind in a folder of its own below `models/`. table.csv, sweep.json and sweep.html hold
no measured time and are written anew whenever searches finish: after a stop, the same command ends with the same bytes.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from raysearch import config, runs, storage
from raysearch.config.settings import Job
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Finished, Ledger, Task
from raysearch.errors import UsageError
from raysearch.moves import Outcome, Round, digest
from raysearch.runs import Resolved, Shared, resolve
from raysearch.runs.films import Films
from raysearch.security import refuse_secrets
from raysearch.sweep import table as grid
from raysearch.sweep.table import Cell

ALIASES = {"particles": "search.n", "search": "search.name"}
FIXED = {
    "run": "all points share one folder", "cluster": "all points share one cluster", "films": "it holds for all points",
    "latents": "it holds for all points", "sweep": "it is the grid itself", "searches": "give search=NAME,NAME",
}  # fmt: skip
EVERY_S = 2.0  # between two writings of the partial results


@dataclass(frozen=True)
class Point:
    """One point of the grid: its settings, as given, and the job they make."""

    settings: Mapping[str, Any]
    job: Job


def axes(words: Sequence[str]) -> tuple[dict[str, list[Any]], list[str]]:
    """The axes among the words (`key=a,b`; commas in brackets or quotes do not count), and the other words.

    Raises UsageError for an axis that all points must share, and for a value given twice.
    """
    found, rest = {}, []
    for word in words:
        key, _, value = word.partition("=")
        values = _split(value)
        if len(values) > 1 or key in ALIASES:
            found[key] = [_plain(key, v) for v in values]
        else:
            rest.append(word)
    return found, rest


def points(
    job_file: str, words: Sequence[str] = (), cluster_file: str | None = None, elsewhere: bool = False
) -> list[Point]:
    """Every point of the grid, checked; the job's own `sweep:` gives the axes that the words leave out.

    elsewhere: it will run on another machine, as in `config.load`.

    Raises UsageError for anything that can be known to be wrong before a model is loaded.
    """
    given, rest = axes(words)
    refuse_secrets(given, "the command line")
    base = config.load(job_file, rest, cluster_file, elsewhere)
    if not any(word.startswith("films=") for word in rest):
        base.films = "none"
    told = {ALIASES.get(key, key) for key in (*given, *(word.partition("=")[0] for word in rest))}
    grid_of = {key: values for key, values in base.sweep.items() if ALIASES.get(key, key) not in told} | given
    for key, values in grid_of.items():
        if (why := FIXED.get(key.split(".")[0])) is not None:
            raise UsageError(f"{key}: cannot be swept over, {why}")
        if not isinstance(values, list) or not values:
            raise UsageError(f"sweep.{key}={values!r}: give a list of values, e.g. {key}: [1, 2]")
        if len({digest(v) for v in values}) < len(values):
            raise UsageError(f"{key}={values}: a value is given twice; leave one out")
    search = config.overrides(rest).get("search")
    options = {k: v for k, v in search.items() if k != "name"} if isinstance(search, dict) else {}
    order = sorted(grid_of, key=lambda key: key != "search")  # the strategy first: its options are set after it
    made = []
    for values in itertools.product(*(grid_of[key] for key in order)):
        settings = dict(zip(order, values, strict=True))
        made.append(Point(settings, _job(base, settings, options, elsewhere)))
    return made


def run(found: Sequence[Point]) -> tuple[list[Cell], int]:
    """Run all points to their end, or on to their end; returns the cells and how many searches failed.

    The folder then holds table.csv, sweep.json, sweep.html, and budget.json: what this call executed and recalled.
    """
    kinds: dict[str, list[tuple[Point, Resolved]]] = {}
    shared = Shared()
    for point in found:
        resolved = resolve(point.job, shared=shared)
        kinds.setdefault(_models(resolved), []).append((point, resolved))
    plans = [(kind, _tasks(of)) for kind, of in kinds.items()]
    folder = found[0].job.run
    board = Board(folder, [cell for _, plan in plans for _, cell in plan])
    began, ledgers = time.time(), []
    for kind, plan in plans:
        where = folder if len(plans) == 1 else f"{folder}/models/{kind[:8]}"
        ledgers.append(_drive(kinds[kind][0][1], where, plan, board))
    board.write()
    budget = {"ledgers": [asdict(each) for each in ledgers], "seconds": round(time.time() - began, 1)}
    storage.write(f"{folder}/budget.json", json.dumps(budget, indent=1))
    executed, recalled, shared = (sum(getattr(x, k) for x in ledgers) for k in ("executed", "recalled", "shared"))
    print(f"{executed} moves executed, {recalled} recalled from the journal, {shared} shared in flight", flush=True)
    return board.cells, sum(cell.error is not None for cell in board.cells)


class Board:
    """Observer that keeps the cells and writes table and plot as searches finish, at most every few seconds."""

    def __init__(self, folder: str, cells: list[Cell]):
        self.folder, self.cells = folder, cells
        self._of = {cell.name: cell for cell in cells}
        self._written = -EVERY_S

    def on_finish(self, finished: Finished) -> None:
        cell = self._of[finished.task.name]
        cell.result, cell.error, cell.nfe = finished.result, finished.error, finished.cost.nfe
        if time.monotonic() - self._written > EVERY_S:
            self.write()
            self._written = time.monotonic()

    def write(self) -> None:
        """All three files, each whole or not at all."""
        for name, text in grid.files(self.cells).items():
            storage.write(f"{self.folder}/{name}", text)

    def on_round(self, task: Task, number: int, round: Round) -> None: ...
    def on_outcome(self, task: Task, outcome: Outcome, recalled: bool) -> None: ...
    def on_wait(self, ledger: Ledger, status: dict[str, dict[str, float]]) -> None: ...


def _models(resolved: Resolved) -> str:
    """Which generator and rewards a job needs, however it says them."""
    return digest([resolved.manifest["generator"], resolved.manifest["rewards"]["identity"]])


def _tasks(of: Sequence[tuple[Point, Resolved]]) -> list[tuple[Task, Cell]]:
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
    journal, films = Journal(folder, resolved.manifest), Films(folder, resolved.manifest)
    todo = [task for task, _ in plan]
    with runs.stage(resolved, folder, todo, journal, films, time.time()) as (pool, view, others):
        storage.write(f"{folder}/config.yaml", config.to_yaml(job))
        coordinator = Coordinator(pool, journal, [view, *others, films, board], job.films, films.has)
        done = coordinator.run(todo)
    runs.prune(job.latents, done, journal)
    return coordinator.ledger


def _job(base: Job, settings: Mapping[str, Any], options: Mapping[str, Any], elsewhere: bool) -> Job:
    """The job with these settings. Another strategy brings the options of `searches`, or its defaults.

    options: of the search, from the command line; they hold for every strategy.
    """
    plain = config.plain(base)
    if "search" in settings:
        name = settings["search"]
        if name in base.searches:
            plain["search"] = {"name": name, **base.searches[name]}
        elif name != base.search["name"]:
            plain["search"] = {"name": name}
        plain["search"] = plain["search"] | options
    for key, value in settings.items():
        if key == "search":
            continue
        *path, last = ALIASES.get(key, key).split(".")
        inner = plain
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise UsageError(f"{key}: {part} has no keys below it")
        inner[last] = value
    return config.typed(plain, f"sweep point {dict(settings)}", elsewhere)


def _split(text: str) -> list[str]:
    """Cut at the commas outside of brackets, braces and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for i, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in "[{(":
            depth += 1
        elif c in ")}]":
            depth -= 1
        elif c == "," and not depth:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def _plain(key: str, text: str) -> Any:
    """The value as YAML reads it."""
    if not text.strip():
        raise UsageError(f"{key}: an empty value between commas; write {key}=1,2")
    return config.overrides([f"value={text}"])["value"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 and text.replace(".", "").replace("_", "").isalnum() else digest(value)[:8]
