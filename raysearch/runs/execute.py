"""A run from its job to its folder: config.yaml, manifest and outcomes, latents/, films, result.json.

Given again, the same job goes on where it stopped. Everything in the folder can be read without raysearch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from raysearch import storage
from raysearch.config.settings import Job
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.replay import complete
from raysearch.engine.task import Finished, Observer, Task
from raysearch.executors import Executor, machine
from raysearch.executors.create import create
from raysearch.executors.idle import Idle
from raysearch.moves import encode
from raysearch.observe import Progress, trackers, watching
from raysearch.rewards.spec import check_models
from raysearch.runs import refining, spread
from raysearch.runs.earlier import begin
from raysearch.runs.films import Films, StatePolicy, prune
from raysearch.runs.provenance import versions
from raysearch.runs.resolve import Resolved, keyed_rewards, resolve
from raysearch.runs.results import RESULT, summary
from raysearch.runs.rewriting import rewritten


def run(job: Job | Resolved) -> list[Finished]:
    """Run a job to its end, or go on with it.

    Returns:
        How each search ended, in the order of the prompts; the searches of the baseline are left out.

    Raises:
        UsageError: for a job that is wrong, and for a run folder that holds another run, in which another driver works
            or that cannot be written.
    """
    machine.check_gpus(job.job if isinstance(job, Resolved) else job)
    resolved = resolve(job)
    for note in resolved.notes:
        print(note, flush=True)
    job = resolved.job
    with Journal.held(job.run, resolved.manifest) as journal:
        return _searched(rewritten(resolved, job.run), journal)


def _searched(resolved: Resolved, journal: Journal) -> list[Finished]:
    """Run the searches of a job in a folder that is held, and write what they found."""
    job = resolved.job
    resolved, turn = refining.recorded(spread.recorded(resolved, journal) or resolved, journal, job.run)
    rounds = resolved.refining.rounds - turn if resolved.refining else 0
    every = [*spread.pilots(resolved), *resolved.tasks(), *resolved.baseline()]  # a pilot bears the name of its search
    films = Films(job.run, {**resolved.manifest, "search": job.search, "seed": job.seed})
    began = time.time()
    with stage(resolved, job.run, every, journal, films, began, rounds) as (pool, view, observers):
        begin(job, job.run)
        observers = [view, *observers, films, StatePolicy(job.run, job.latents, pool.drop)]
        coordinator = Coordinator(pool, journal, observers, job.films, films.has)
        resolved = spread.measured(resolved, coordinator)
        steered, unguided = resolved.tasks(), resolved.baseline()
        ended = coordinator.run([*steered, *unguided])
        while (more := refining.refined(resolved, ended[: len(steered)], job.run, turn)) is not None:
            resolved, turn = more, turn + 1
            steered, unguided = resolved.tasks(), resolved.baseline()
            ended = coordinator.run([*steered, *unguided])
        status, worked = pool.status(), view.worked()
        prune(job.latents, ended, journal, pool.drop)
    searches, plain = ended[: len(steered)], ended[len(steered) :]
    seconds = time.time() - began
    result = summary(resolved, searches, plain, coordinator, status, seconds, worked)
    ledger = coordinator.ledger
    print(
        f"{ledger.executed} moves executed, {ledger.recalled} recalled from the journal, {ledger.cost.nfe} network "
        f"evaluations, {seconds:.0f} s",
        flush=True,
    )
    storage.write(f"{job.run}/{RESULT}", json.dumps(encode(result), indent=1, allow_nan=False))
    return searches


@contextmanager
def stage(
    resolved: Resolved,
    folder: str,
    todo: Sequence[Task],
    journal: Journal,
    films: Films,
    began: float,
    rounds: int = 0,
) -> Iterator[tuple[Executor, Progress, list[Observer]]]:
    """The executor and the observers for these searches; where nothing is left to execute, no model is loaded.

    Args:
        resolved: the job.
        folder: the run folder.
        todo: the searches.
        journal: what is recorded of them.
        films: which films are there.
        began: when this invocation began, as time.time() gives it.
        rounds: times that these searches may go on with a wording more.
    """
    job = resolved.job
    trackers.read(job.track)
    for line in journal.warnings():
        print(line, flush=True)
    idle = not rounds and complete(todo, journal, job.films, films.has)
    how = "all is recorded, no model is loaded" if idle else f"starting {job.cluster.executor} and loading models"
    searches = sum(not task.pilot for task in todo) * (1 + rounds)
    print(f"{searches} searches into {folder}; {how}", flush=True)
    watched = watching(job, folder, searches, versions(), began, idle)
    with nullcontext(Idle()) if idle else executor(resolved, f"{folder}/latents") as pool, watched as (view, others):
        yield pool, view, others


@contextmanager
def executor(job: Job | Resolved, store: str | None = None) -> Iterator[Executor]:
    """The executor that a job asks for; it is closed in any case.

    Args:
        job: the job.
        store: folder or URL of states that outlive their process; None keeps them in memory only.
    """
    resolved = resolve(job)
    for key, spec in keyed_rewards(resolved.job):
        check_models(spec, key)
    started = create(resolved.job.cluster, resolved.generator, resolved.specs, store, resolved.job.films != "none")
    try:
        yield started
    finally:
        started.close()
