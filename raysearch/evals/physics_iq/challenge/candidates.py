"""Every candidate of a run: its rewards from the journal, its clip, its measures; made once, kept on disk.

A run's Results come from replaying its searches against its journal, so they are the same whether the run is finished,
half done or just resumed. Scores are one file per view and written whole, so scoring resumes too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial as bound
from typing import Any

from raysearch import storage
from raysearch.engine.journal import Journal
from raysearch.engine.replay import replay
from raysearch.evals import shards
from raysearch.evals.physics_iq import export, scorer
from raysearch.evals.physics_iq.challenge.conditioning import drop
from raysearch.evals.physics_iq.challenge.settings import ChallengeRun, Settings, near
from raysearch.evals.physics_iq.clips import probe
from raysearch.evals.physics_iq.layout import DataSet, View
from raysearch.moves import Outcome, Result
from raysearch.prompts import Prompt
from raysearch.runs import Resolved, rewriting, spread
from raysearch.runs.films import path as film_path

# A view; its finals as (key, film of the run, clip to write); conditioning frames to drop; where scores go.
ViewClips = tuple[View, list[tuple[str, str, str]], int, str]


@dataclass(frozen=True)
class Scored:
    """A view of a run: the search's result, and by handle the clip and the measures of each of its finals; and the text
    that the winner was made from.
    """

    view: View
    result: Result
    clips: dict[str, str]
    measures: dict[str, dict[str, Any]]
    text: str = ""

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
    root = entry.job.run
    journal = Journal(entry.job.run, resolved.manifest)
    resolved = rewriting.recorded(resolved, entry.job.run) or resolved
    tasks = {t.name: t for t in (spread.recorded(resolved, journal) or resolved.measured(1.0)).tasks()}
    ready, todo = [], list[ViewClips]()
    for view in data.views:
        task = tasks[f"{view.id:04d}"]
        end = replay(task, journal)
        result = end.result if end else None  # a search that failed has none; the run reports it
        films = {} if result is None else {o.key: f"{root}/{film_path(task, o.key)}" for o in result.finals}
        if result is None or not all(storage.exists(f) for f in films.values()):
            continue
        clips = {key: f"{root}/clips/{task.name}/{key[:12]}.mp4" for key in films}
        store = f"{root}/scores/{task.name}.json"
        known = json.loads(storage.read(store)) if storage.exists(store) else {}
        ready.append((view, result, clips, store))
        if set(films) - set(known):
            lost = drop(job, settings, view)
            todo.append((view, [(key, films[key], clips[key]) for key in films], lost, store))
    work = bound(score_view, data=data, settings=settings, cache=settings.cache or f"{near(job, settings)}/cache")
    for k, _ in enumerate(shards.each(work, todo, settings.workers, address)):
        progress(k + 1, len(todo))
    texts = {view.id: worded(tasks[f"{view.id:04d}"].prompt, result) for view, result, _, _ in ready}
    return [Scored(v, r, c, json.loads(storage.read(store)), texts[v.id]) for v, r, c, store in ready]


def score_view(job: ViewClips, data: DataSet, settings: Settings, cache: str) -> None:
    """Export and measure all candidates of a view; writes them to its file of scores."""
    view, wanted, lost, store = job
    size = None
    if settings.upscale == "reference":
        real = probe(view.real[1])
        size = real.width, real.height
    for _, film, clip in wanted:
        if not storage.exists(clip):
            storage.write(clip, export.cut(read(film), lost, data.seconds, size, settings.enlarge))
    found = scorer.measure((view, [read(clip) for _, _, clip in wanted]), data.fps, cache, data.seconds)
    storage.write(store, json.dumps({key: m for (key, _, _), m in zip(wanted, found, strict=True)}))


def worded(prompt: Prompt, result: Result) -> str:
    """The text that the winner was made from: the prompt's own, or the variant that the search has noted."""
    note = result.notes.get("wordings")
    return [prompt.text, *prompt.variants][int(note["of"][result.best])] if note else prompt.text


def read(path: str) -> str | bytes:
    """A film or clip as the decoder takes it: its path, or its bytes where it lies at a URL."""
    return storage.read(path) if "://" in path else path
