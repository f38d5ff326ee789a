"""A run from its job to its folder: config.yaml, manifest and outcomes, latents/, films, result.json, report.html.

Run again with the same job, it goes on where it stopped. Everything in the folder can be read without raysearch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import fsspec

from raysearch import config as configuration
from raysearch import rewards
from raysearch.config.settings import Job
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.replay import complete, replay
from raysearch.engine.task import Finished, Observer, Task, shown
from raysearch.errors import UsageError
from raysearch.executors import Executor
from raysearch.executors.idle import Idle
from raysearch.generators import feasible
from raysearch.moves import Cost, digest, encode
from raysearch.observe import Progress, totals, watching
from raysearch.runs.films import Shelf, Tidy, kept
from raysearch.runs.fingerprints import generator_fingerprint, rewards_fingerprint
from raysearch.runs.provenance import versions
from raysearch.runs.tasks import baseline, tasks
from raysearch.sampling.state import Store

REPORT, RESULT = "report.html", "result.json"
BEGUN = ("manifest.json", "config.yaml")  # what is there of a run from its first Outcome on


def run(job: Job) -> list[Finished]:
    """Run a job to its end, or on to its end; returns Finished of each search, baselines left out."""
    todo = tasks(job)
    unguided = baseline(job)
    journal = Journal(job.run, manifest(job))
    if journal.damaged:
        print(
            f"{journal.damaged} damaged lines in the journal are left out; their moves are computed again", flush=True
        )
    fs, root = fsspec.core.url_to_fs(job.run)
    shelf, both = Shelf(job.run, {**manifest(job), "search": job.search, "seed": job.seed}), [*todo, *unguided]
    began = time.time()
    with stage(job, job.run, both, journal, shelf, began) as (pool, view, others):
        fs.makedirs(root, exist_ok=True)
        fs.pipe_file(f"{root}/config.yaml", configuration.to_yaml(job).encode())
        coordinator = Coordinator(
            pool, journal, [view, *others, shelf, Tidy(job.run, job.latents)], job.films, shelf.has
        )
        ended = coordinator.run(both)
        status, worked = pool.status(), view.worked()
    prune(job.latents, ended, journal)
    done, plain = ended[: len(todo)], ended[len(todo) :]
    result = summary(job, done, plain, coordinator, status, time.time() - began, worked)
    ledger = coordinator.ledger
    print(
        f"{ledger.executed} moves executed, {ledger.recalled} recalled from the journal, {ledger.cost.nfe} network "
        f"evaluations, {result['budget']['seconds']:.0f} s",
        flush=True,
    )
    fs.pipe_file(f"{root}/{RESULT}", json.dumps(encode(result), indent=1, allow_nan=False).encode())
    return done


def manifest(job: Job) -> dict[str, Any]:
    """What must not change within a run folder; search and prompts may, their Moves have other keys.

    Of rewards it is the `identity` that must not: the settings in force. How the job says them may change.
    """
    generator = feasible.pin(job.generator)
    weights = generator_fingerprint(generator, job.cluster.generators.ranks)
    return {
        "raysearch": "1",
        "generator": {**asdict(generator), "weights": weights},
        "rewards": {
            "reward": job.reward,
            "watch": job.watch,
            "weights": rewards_fingerprint([job.reward, *job.watch]),
            "settings": reward_settings(job),
            "identity": rewards_fingerprint([rewards.resolved(spec) for spec in (job.reward, *job.watch)]),
        },
    }


def reward_settings(job: Job) -> list[dict[str, Any]]:
    """Every reward with all its settings, defaults filled in: scores under others cannot be compared."""
    return json.loads(json.dumps([rewards.settings(spec) for spec in (job.reward, *job.watch)]))


@contextmanager
def stage(
    job: Job, folder: str, todo: Sequence[Task], journal: Journal, shelf: Shelf, began: float
) -> Iterator[tuple[Executor, Progress, list[Observer]]]:
    """Executor and observers for these searches. Where nothing is left to execute, nothing is started or loaded."""
    idle = complete(todo, journal, job.films, shelf.has)
    how = "all is there, no model is loaded" if idle else f"starting {job.cluster.executor} and loading models"
    print(f"{len(todo)} searches into {folder}; {how}", flush=True)
    watched = watching(job, folder, len(todo), versions(), began, idle)
    with nullcontext(Idle()) if idle else executor(job, f"{folder}/latents") as pool, watched as (view, others):
        yield pool, view, others


@contextmanager
def executor(job: Job, store: str | None = None) -> Iterator[Executor]:
    """The executor the job asks for, closed again whatever happens."""
    specs, generator = [job.reward, *job.watch], feasible.pin(job.generator)
    made: Executor
    if job.cluster.executor == "inline":
        from raysearch import devices
        from raysearch.executors.inline import Inline

        made = Inline(generator, specs, job.cluster.generators.threads, devices.best(), store)
    else:
        from raysearch.executors.auth import require_token

        require_token(job.cluster.address)
        from raysearch.executors.ray.executor import RayExecutor

        made = RayExecutor(job.cluster, generator, specs, store)
    try:
        yield made
    finally:
        made.close()


def summary(
    job: Job, done: list[Finished], unguided: list[Finished], coordinator: Coordinator, status: dict, seconds: float,
    worked: float,
) -> dict[str, Any]:  # fmt: skip
    """result.json: all that the report shows. The budget speaks of this invocation, its `run` of all of them."""
    searches, ledger = [_entry(end) for end in done], coordinator.ledger
    return {
        "hash": digest([s.get("hash") for s in searches]),
        "searches": searches,
        "unguided": [_entry(end) for end in unguided],
        "reward": rewards.label(job.reward),
        "reward_settings": reward_settings(job),
        "budget": {
            **asdict(ledger), "pools": status, "seconds": seconds, "worked_s": worked,
            "damaged": coordinator.journal.damaged, "run": _whole(coordinator.journal),
        },
        "versions": versions(),
    }  # fmt: skip


def interim(run: str) -> dict[str, Any]:
    """What result.json would tell of the searches of a local run that are finished, and `progress`: how many, of how
    many. Read from job and journal alone: nothing is written, no model is needed, and the run may be going on.

    Raises UsageError if no search is finished yet, or a file that a prompt names is not there.
    """
    path = Path(run)
    try:
        about = json.loads((path / "manifest.json").read_text())
        weights = about["generator"]["weights"]
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path / 'manifest.json'} is damaged, so nothing is known of this run") from None
    journal = Journal(run, about)
    job = replace(configuration.load(str(path / "config.yaml"), elsewhere=True), run=run)
    todo, unguided = tasks(job, weights), baseline(job, weights)
    done, plain = ([end for task in each if (end := replay(task, journal)) is not None] for each in (todo, unguided))
    of = len(todo) + len(unguided)
    if not done:
        raise UsageError(f"{run}: of {of} searches none is finished yet; {_go_on(path)}")
    for end in (*done, *plain):
        end.films = dict.fromkeys(shown(end.result, job.films) if end.result else [])
    return {
        "hash": "", "searches": [_entry(end) for end in done], "unguided": [_entry(end) for end in plain],
        "reward": rewards.label(job.reward), "budget": {"run": _whole(journal)},
        "progress": [len(done) + len(plain), of],
    }  # fmt: skip


def _whole(journal: Journal) -> dict[str, Any]:
    """What all invocations of a run have executed and taken together."""
    recorded = journal.outcomes.values()
    cost = sum((o.cost for o in recorded), Cost())
    return {"moves": len(recorded), "cost": asdict(cost), **totals(journal.url)}


def _entry(end: Finished) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": end.task.name, "prompt": asdict(end.task.prompt), "error": end.error, "cost": asdict(end.cost),
        "films": {key: Shelf.path(end.task, key) for key in end.films},
    }  # fmt: skip
    if end.result is not None:
        entry |= asdict(end.result) | {"hash": end.result.digest()}
    return entry


def prune(latents: str, done: list[Finished], journal: Journal) -> None:
    """Drop the states that the policy (`best`, `finals` or `none`) does not keep; their Moves can make them again."""
    keep: set[str] = set()
    for end in done:
        if end.result is None:
            return  # something is to be resumed
        keep |= kept(latents, end.result)
    Store(f"{journal.url}/latents").drop([k for k in journal.outcomes if k not in keep])


def folder(run: str, partial: bool = False) -> Path:
    """A local run folder. Raises UsageError if there is no finished run in it; partial: if there is none at all."""
    path = Path(run)
    begun, finished = all((path / name).is_file() for name in BEGUN), (path / RESULT).is_file()
    if finished and not partial:
        return path
    for page in ("sweep.html", "challenge.html"):
        if (path / page).is_file():
            raise UsageError(f"{run}: no single run; its page is {path / page}, and the same command writes it anew")
    if not begun:
        raise UsageError(f"{run}: no {RESULT} there; give the folder of a finished run (see `run` in its job file)")
    if not partial:
        raise UsageError(f"{run}: this run has not finished; {_go_on(path)}")
    return path


def unfinished(run: str) -> bool:
    """Whether a local folder holds a run that has begun and has no result."""
    return not (Path(run) / RESULT).is_file() and all((Path(run) / name).is_file() for name in BEGUN)


def _go_on(path: Path) -> str:
    return f"to go on with it: raysearch run {path / 'config.yaml'}"
