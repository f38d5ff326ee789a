"""What a preview knows of the final: rewards along the lineages of a run, from its journal, and where to read.

Of each read: the rank correlation of preview and final reward within prompts, the slope of the final on the preview
(the best multiple of lambda there), and how the preview itself ranks the truth; agreement with the final reward is no
evidence about truth. Halving by a preview keeps .93 of what the final would choose from a correlation of .6 on, keeping
a quarter .97 from .8 on.

A search that drops candidates leaves only the survivors to look at, which agree less than all would.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from raysearch import config
from raysearch.engine.journal import Journal
from raysearch.engine.replay import rounds
from raysearch.engine.task import Task
from raysearch.errors import UsageError
from raysearch.evals.calibrate import statistics
from raysearch.evals.calibrate.clips import Candidates
from raysearch.evals.calibrate.statistics import Interval
from raysearch.moves import Move, Outcome
from raysearch.report.reading import Run
from raysearch.runs import resolve, rewriting, spread

HALVE, QUARTER = 0.6, 0.8


@dataclass(frozen=True)
class PreviewAgreement:
    """What the previews at one step know.

    Attributes:
        step: The step, of `of`.
        of: Steps of a finished video.
        agreement: Rank correlation with the final reward within prompts, over scenes.
        worst: The same of the worst scene.
        slope: Slope of the final reward on the preview within prompts.
        truth: Rank correlation of the preview with the truth; None without truth.
        use: `halve`, `keep a quarter`, or empty.
    """

    step: int
    of: int
    agreement: Interval
    worst: float
    slope: float
    truth: Interval | None
    use: str


def previews(run: Run, groups: Sequence[Candidates]) -> list[PreviewAgreement]:
    """Every read before the last of a run, in order; empty where nothing was scored on the way.

    Raises:
        UsageError: The folder has no journal that fits its job.
    """
    lineages = traced(run)
    steps = sorted({step for by_step in lineages.values() for step in by_step})
    if len(steps) < 2:
        return []
    found = []
    for step in steps[:-1]:
        early, late, truth, scenes = [], [], [], []
        for group in groups:
            of = lineages.get(group.prompt.id, {})
            keys = [c for c in group.each if c.name in of.get(step, {}) and c.name in of.get(steps[-1], {})]
            if len(keys) > 2:
                early.append(np.array([of[step][c.name] for c in keys]))
                late.append(np.array([of[steps[-1]][c.name] for c in keys]))
                truth.append(np.array([c.truth for c in keys]))
                scenes.append(group.scene)
        if early:
            found.append(_preview(step, steps[-1], early, late, truth, scenes))
    return found


def traced(run: Run) -> dict[str, dict[int, dict[str, float]]]:
    """By prompt, step and final (the start of its handle): the reward that its lineage had there."""
    journal, tasks = _tasks(run)
    results = {e.prompt.id: e.result for e in run.entries if e.result is not None}
    lineages: dict[str, dict[int, dict[str, float]]] = {}
    for task in tasks:
        seen = _moves(task, journal)
        for outcome in results[task.prompt.id].finals if task.prompt.id in results else ():
            at: str | None = outcome.key
            while at is not None and at in seen:
                move, there = seen[at]
                if not math.isnan(there.reward):
                    lineages.setdefault(task.prompt.id, {}).setdefault(move.to, {})[outcome.key[:12]] = there.reward
                at = move.parent
    return lineages


def _preview(
    step: int, of: int, early: Sequence[np.ndarray], late: Sequence[np.ndarray], truth: Sequence[np.ndarray],
    scenes: Sequence[str],
) -> PreviewAgreement:  # fmt: skip
    each = statistics.per_scene([statistics.spearman(a, b) for a, b in zip(early, late, strict=True)], scenes)
    agreement = statistics.mean(each).correlation
    known = any(np.isfinite(y).any() for y in truth)
    ranks_truth = statistics.ranking(early, truth, scenes).rho if known else None
    blind = ranks_truth is not None and not ranks_truth.above
    use = "keep a quarter" if agreement.value >= QUARTER else "halve" if agreement.value >= HALVE else ""
    return PreviewAgreement(
        step, of, agreement, float(each.min()), slope(early, late), ranks_truth, "" if blind else use
    )


def slope(early: Sequence[np.ndarray], late: Sequence[np.ndarray]) -> float:
    """Slope of the second on the first within prompts, pooled."""
    pairs = [(a[k] - a[k].mean(), b[k] - b[k].mean()) for a, b in zip(early, late, strict=True)
             if (k := np.isfinite(a) & np.isfinite(b)).any()]  # fmt: skip
    square = sum(float(a @ a) for a, _ in pairs)
    return sum(float(a @ b) for a, b in pairs) / square if square else math.nan


def _tasks(run: Run) -> tuple[Journal, Sequence[Task]]:
    """The journal of a run, and its searches from the top; nothing is written and no model is loaded."""
    try:
        record = json.loads((run.folder / "manifest.json").read_text())
        record["generator"]["weights"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{run.folder / 'manifest.json'} is missing or damaged, so its previews are not known"
        ) from None
    journal = Journal(str(run.folder), record)
    job = replace(config.load(str(run.folder / "config.yaml"), elsewhere=True), run=str(run.folder))
    resolved = resolve(job, record=record)
    worded = rewriting.recorded(resolved, job.run)
    measured = spread.recorded(worded, journal) if worded else None
    return journal, measured.tasks() if measured else []


def _moves(task: Task, journal: Journal) -> Mapping[str, tuple[Move, Outcome]]:
    """Every Move of a search with its Outcome, by the handle of its state, as far as the journal goes."""
    seen: dict[str, tuple[Move, Outcome]] = {}
    with suppress(ValueError):  # a search that ended in an error was recorded until then
        for pairs in rounds(task, journal):
            seen |= {outcome.key: (move, outcome) for move, outcome in pairs}
    return seen
