"""Every candidate of a run: its rewards from the journal, its clip, its measures; made once, kept on disk.

A run's Results come from replaying its searches against its journal, so they are the same whether the run is finished,
half done or just resumed. Scores are one file per view and written whole, so scoring resumes too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial as bound
from pathlib import Path
from typing import Any

from raysearch.engine.journal import Journal
from raysearch.engine.replay import replay
from raysearch.evals import shards
from raysearch.evals.physics_iq import export, reals, scorer
from raysearch.evals.physics_iq.challenge.settings import ChallengeRun, Settings, drop, item
from raysearch.evals.physics_iq.clips import probe
from raysearch.evals.physics_iq.layout import DataSet, View
from raysearch.moves import Outcome, Result
from raysearch.runs import Resolved, rewriting, spread
from raysearch.runs.films import path as film_path

# A view; its finals as (key, film of the run, clip to write); conditioning frames to drop; where scores go.
ViewClips = tuple[View, list[tuple[str, Path, Path]], int, Path]


@dataclass(frozen=True)
class Scored:
    """A view of a run: the search's result, and by handle the clip and the measures of each of its finals."""

    view: View
    result: Result
    clips: dict[str, Path]
    measures: dict[str, dict[str, Any]]

    def measure(self, outcome: Outcome) -> dict[str, Any]:
        """The 12 measures of a final."""
        return self.measures[outcome.key]


def collect(
    entry: ChallengeRun,
    resolved: Resolved,
    data: DataSet,
    settings: Settings,
    job: Any,
    progress: Callable[[int, int], None],
    address: str = "local",
) -> list[Scored]:
    """All views of the run whose search is finished and filmed, scored. In the order of the data set."""
    root = Path(entry.job.run)
    journal = Journal(entry.job.run, resolved.manifest)
    resolved = rewriting.recorded(resolved, entry.job.run) or resolved
    tasks = {t.name: t for t in (spread.recorded(resolved, journal) or resolved.measured(1.0)).tasks()}
    ready, todo = [], list[ViewClips]()
    for view in data.views:
        task = tasks[f"{view.id:04d}"]
        end = replay(task, journal)
        result = end.result if end else None  # a search that failed has none; the run reports it
        films = {} if result is None else {o.key: root / film_path(task, o.key) for o in result.finals}
        if result is None or not all(f.is_file() for f in films.values()):
            continue
        clips = {key: root / "clips" / task.name / f"{key[:12]}.mp4" for key in films}
        store = root / "scores" / f"{task.name}.json"
        known = json.loads(store.read_text()) if store.is_file() else {}
        ready.append((view, result, clips, store))
        if set(films) - set(known):
            lost = drop(job, settings, item(job, settings, view))
            todo.append((view, [(key, films[key], clips[key]) for key in films], lost, store))
    work = bound(score_view, data=data, settings=settings, cache=cache(settings, job))
    for k, _ in enumerate(shards.each(work, todo, settings.workers, address)):
        progress(k + 1, len(todo))
    return [Scored(v, r, c, json.loads(store.read_text())) for v, r, c, store in ready]


def score_view(job: ViewClips, data: DataSet, settings: Settings, cache: str) -> None:
    """Export and measure all candidates of a view; writes them to its file of scores."""
    view, wanted, lost, store = job
    size = None
    if settings.upscale == "reference":
        real = probe(view.real[1])
        size = real.width, real.height
    for _, film, clip in wanted:
        if not clip.is_file():
            export.write(export.cut(film, lost, data.seconds, size, settings.enlarge), clip)
    paths: Sequence[Path] = [clip for _, _, clip in wanted]
    found = scorer.measure((view, paths), data.fps, cache, data.seconds)
    export.write(json.dumps({key: m for (key, _, _), m in zip(wanted, found, strict=True)}).encode(), store)


def cache(settings: Settings, job: Any) -> str:
    """Folder of what is computed once from the real clips."""
    return settings.cache or f"{job.run}/cache"


def cached(settings: Settings, job: Any, data: DataSet) -> int:
    """Views whose real side is cached already."""
    return sum(reals.cached(v, data.fps, cache(settings, job)) for v in data.views)
