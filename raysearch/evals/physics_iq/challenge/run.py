"""A challenge from its job to its folder: generate, score, compare, write.

Given again after a stop it goes on: Moves are in the journals, clips and scores on disk. challenge.json holds a hash of
everything that was found; it depends on no clock, no number of replicas and no interruption.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from raysearch import runs, storage
from raysearch.config.settings import Job
from raysearch.engine.journal import Journal
from raysearch.errors import PartFailedError, UsageError
from raysearch.evals.physics_iq import score, scorer
from raysearch.evals.physics_iq.challenge import conditioning, page, scenes, selection, settings, submission, wordings
from raysearch.evals.physics_iq.challenge.candidates import Scored, collect, read
from raysearch.evals.physics_iq.challenge.settings import ChallengeRun, Settings, near
from raysearch.evals.physics_iq.clips import probe
from raysearch.evals.physics_iq.layout import DataSet
from raysearch.evals.physics_iq.protocol import over_runs, run_name
from raysearch.evals.physics_iq.table import Table
from raysearch.executors import machine
from raysearch.moves import Cost, digest, encode
from raysearch.runs import Resolved, Shared, resolve

BASE = "base"
LINE_S = 10.0  # between two lines of progress in a log
Pools = dict[tuple[str, int], list[Scored]]


def run(job: Job, limit: int | None = None, scenario: str | None = None, partial: bool = False) -> dict[str, Any]:
    """Run or resume a challenge.

    Args:
        job: The job, with a part `challenge:`.
        limit: Only this many views, from the first on.
        scenario: Only scenarios whose name contains this.
        partial: Generate nothing; score and report the views that are finished.

    Returns:
        What challenge.json has.

    Raises:
        UsageError: The job or the data set does not fit, or a search failed.
    """
    options = settings.read(job)
    if not partial:
        machine.check_gpus(job)
    whole = settings.data(job, options)
    data = settings.pick(whole, limit, scenario)
    if not partial:
        conditioning.check(job, options, data)
    wordings.freeze(job, whole)
    todo = settings.entries(job, options, conditioning.items(job, options, data.views))
    shared = Shared()
    # No baseline: strategies are compared by the challenge itself.
    resolved = {(e.name, e.number): resolve(replace(e.job, baseline=False), shared=shared) for e in todo}
    if not partial:
        conditioning.check(job, options, data)  # once more: a model of the hub is known only now
        _generate(todo, resolved)
    pools: Pools = {}
    for entry in todo:
        key, began = (entry.name, entry.number), time.monotonic()
        pools[key] = collect(entry, resolved[key], data, options, job, _progress(entry), job.cluster.address)
        print(f"scored {entry.name}, run {entry.number}: {len(pools[key])} candidates, "
              f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
    if not all(pools.values()):
        raise UsageError(f"{job.run}: no view is finished in every run yet; give the command without --partial")
    found = compare(data, options, todo, pools)
    costs = {f"{e.name}/run_{e.number:02d}": _cost(e, resolved[e.name, e.number]) for e in todo}
    found |= {"hash": digest(encode(found)), "costs": costs}
    _tables(job, data, todo, pools)
    submission.pairs(job, options, todo, pools, found["best"])
    if not found["partial"]:
        for line in submission.write(job, options, data, todo, pools, found):
            print(line, flush=True)
    storage.write(f"{job.run}/challenge.json", json.dumps(encode(found), indent=1, allow_nan=False))
    shown = _scenes(job, options, data, todo, pools, found["best"])
    storage.write(f"{job.run}/challenge.html", page.page(job, found, shown, _card(job, found)))
    return found


def compare(data: DataSet, options: Settings, todo: list[ChallengeRun], pools: Pools) -> dict[str, Any]:
    """Systems side by side, and what choosing is worth. Everything here is a function of stored scores."""
    views = min(len(p) for p in pools.values())
    result: dict[str, Any] = {
        "data": "Physics-IQ Verified" if data.verified else "Physics-IQ", "stand_in": options.data == "tiny",
        "track": options.track, "upscale": options.upscale, "fps": data.fps, "seconds": data.seconds,
        "views": views, "of_views": len(data.views), "partial": views < len(data.views), "systems": {}, "pools": {},
    }  # fmt: skip
    for name, tables in systems(todo, pools).items():
        result["systems"][name] = {
            **over_runs(_common(tables)),
            "run_01": score.summary(tables[0], {v.scenario: v.category for v in data.views}),
        }
    if BASE in result["systems"]:
        base = result["systems"][BASE]["run_01"]["by_scenario"]
        for name, system in result["systems"].items():
            if name != BASE:
                system["gain"] = selection.gain(system["run_01"]["by_scenario"], base)
    ranked = [n for n in result["systems"] if n != BASE]
    result["best"] = max(ranked, key=lambda n: result["systems"][n]["score"]["mean"])
    for entry in todo:
        if entry.job.search["name"] == "best_of_n":
            found = pools[entry.name, entry.number]
            result["pools"][f"{entry.name}/run_{entry.number:02d}"] = {
                "curves": selection.curves(found), "correlations": selection.correlations(found),
            }  # fmt: skip
    return result


def systems(todo: list[ChallengeRun], pools: Pools) -> dict[str, list[Table]]:
    """Tables by system, one per run. base is the first draw of every best-of-N run: what one sample gives."""
    found: dict[str, list[Table]] = {}
    for entry in todo:
        if entry.job.search["name"] == "best_of_n" and BASE not in found:
            found[BASE] = [
                selection.table(pools[e.name, e.number], 0) for e in todo if e.name == entry.name
            ]  # fmt: skip
        found.setdefault(entry.name, []).append(selection.table(pools[entry.name, entry.number]))
    return found


def _generate(todo: list[ChallengeRun], resolved: Mapping[tuple[str, int], Resolved]) -> None:
    from raysearch.report.remote import publish

    failed = []
    for entry in todo:
        print(f"generating {entry.name}, run {entry.number}", flush=True)
        ends = runs.run(resolved[entry.name, entry.number])
        publish(entry.job.run)
        failed += [f"{entry.name}, run {entry.number}, {e.task.name}: {e.error}" for e in ends if e.error]
    if failed:
        raise PartFailedError(
            f"{len(failed)} searches failed, the first: {failed[0]}; give the same command again to try them again, or "
            "--partial to report the others"
        )


def _tables(job: Job, data: DataSet, todo: list[ChallengeRun], pools: Pools) -> None:
    """results/: the official CSV and the scores of every system and run."""
    clip = probe(read(next(iter(next(iter(pools.values()))[0].clips.values()))))
    for name, tables in systems(todo, pools).items():
        for k, found in enumerate(tables):
            model = scorer.ModelClips(
                run_name(name, settings.read(job).prompts, k + 1), {}, data.fps, (clip.width, clip.height)
            )
            scorer.write(f"{job.run}/results", model.name, found, scorer.report(data, model, found))


def _scenes(
    job: Job, options: Settings, data: DataSet, todo: list[ChallengeRun], pools: Pools, best: str
) -> list[scenes.Scene]:  # fmt: skip
    """The views to be shown as videos; none where no run draws independent candidates."""
    plain = next((e for e in todo if e.job.search["name"] == "best_of_n"), None)
    if plain is None:
        return []
    cache = options.cache or f"{near(job, options)}/cache"
    return scenes.scenes(pools[best, 1], pools[plain.name, 1], data, cache)


def _card(job: Job, found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The board entry of the best system, as its folder has it; None while views are missing."""
    import yaml

    path = f"{job.run}/submission/{found['best']}/submission.yaml"
    return None if found["partial"] or not storage.exists(path) else dict(yaml.safe_load(storage.read(path)))


def _common(tables: list[Table]) -> list[Table]:
    """Over the views that all runs have: while some are unfinished, means must be over the same ones."""
    keys = [k for k in tables[0] if all(k in t for t in tables)]
    return [{k: t[k] for k in keys} for t in tables]


def _cost(entry: ChallengeRun, resolved: Resolved) -> dict[str, Any]:
    path = f"{entry.job.run}/{runs.RESULT}"
    if not storage.exists(path):
        return {}
    budget = json.loads(storage.read(path))["budget"]
    journal = Journal(entry.job.run, resolved.manifest).outcomes.values()
    total = sum((o.cost for o in journal), Cost())
    return {**asdict(total), "wall_s": budget["seconds"]}


def _progress(entry: ChallengeRun) -> Callable[[int, int], None]:
    """What tells how far scoring is: on a terminal a line that replaces itself, elsewhere one every LINE_S."""
    told = [time.monotonic()]

    def progress(done: int, of: int) -> None:
        text = f"scoring {entry.name}, run {entry.number}: {done} of {of} views"
        if sys.stdout.isatty():
            print(f"\r\x1b[K{text if done < of else ''}", end="", flush=True)
        elif time.monotonic() - told[0] > LINE_S and done < of:
            told[0] = time.monotonic()
            print(text, flush=True)

    return progress
