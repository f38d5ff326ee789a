"""A run from its job to its folder: config.yaml, manifest and outcomes, latents/, films, result.json, report.html.

Run again with the same job, it goes on where it stopped. Everything in the folder can be read without raysearch.
"""

from __future__ import annotations

import inspect
import json
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import fsspec

from raysearch import __version__, rewards
from raysearch import config as configuration
from raysearch.config import Job
from raysearch.coordinator import Coordinator, Finished, Ledger, Task
from raysearch.errors import UsageError
from raysearch.executors import Executor
from raysearch.fingerprints import generator_fingerprint, rewards_fingerprint
from raysearch.generators import feasible, layout
from raysearch.journal import Journal
from raysearch.latents import Store
from raysearch.moves import KERNELS, Cost, Kernel, Outcome, Round, Search, digest, encode
from raysearch.names import lookup
from raysearch.observe import totals, watching
from raysearch.prompts import Prompt
from raysearch.provenance import Lineages, sidecar
from raysearch.schedules import READS
from raysearch.search import choose, strategy
from raysearch.search.choose import chosen
from raysearch.search.guides import guide_of

REPORT, RESULT = "report.html", "result.json"


def prompts(job: Job) -> list[Prompt]:
    """Every prompt of the job, checked. Raises UsageError for none, for doubles and for unknown keys."""
    known = dict.fromkeys(Prompt.__dataclass_fields__)
    found = []
    for i, item in enumerate(job.prompts.items):
        if isinstance(item, str):
            item = {"text": item}
        if not isinstance(item, dict):
            raise UsageError(f"prompts.items[{i}]={item!r}: give a text, or a mapping with text, image, video or scene")
        for key in item:
            lookup(f"prompts.items[{i}]: key", key, known)
        found.append(Prompt(**{"id": f"{i:04d}", **item}))
    if job.prompts.heldout:
        from raysearch.tinyworld.physics import PROMPTS

        for k in range(job.prompts.heldout):
            scene, seed = job.prompts.scenes[k % len(job.prompts.scenes)], job.prompts.first + k
            text = lookup("prompts.scenes: scene", scene, PROMPTS)
            found.append(Prompt(f"{scene}-{seed:03d}", text, scene=scene, scene_seed=seed))
    if not found:
        raise UsageError(
            "the job has no prompts; give prompts.items, or prompts.heldout=4 for scenes of the tiny world"
        )
    ids = [p.id for p in found]
    if doubles := sorted({i for i in ids if ids.count(i) > 1}):
        raise UsageError(
            f"prompts: the id {doubles[0]!r} is given twice; ids name files and noise, so they must differ"
        )
    return found


def search(job: Job) -> Search:
    """One search as the job wants it. Raises UsageError for an unknown strategy or option."""
    options = dict(job.search)
    begin = strategy(options.pop("name"))
    known = dict.fromkeys(list(inspect.signature(begin).parameters)[2:])
    for key in options:
        lookup(f"search: option of {begin.__name__}", key, known)
    if "guide" in options:
        options["guide"] = guide_of(options["guide"], sampler=begin.__name__ == "smc")
        if options["guide"] is not None and not rewards.differentiable(job.reward):
            able = ", ".join(name for name, entry in rewards.REWARDS.items() if entry.differentiable)
            raise UsageError(f"search.guide: reward.name={job.reward['name']!r} has no gradient; choose one of {able}")
        if options["guide"] is not None and job.cluster.generators.ranks > 1:
            raise UsageError(
                f"search.guide: a replica of cluster.generators.ranks={job.cluster.generators.ranks} cannot be guided, "
                "diffusers' context parallelism has no gradient; set it to 1"
            )
    if "kernel" in options:
        options["kernel"] = _kernel(options["kernel"])
    reads = inspect.signature(begin).parameters.get("reads")
    if job.generator.chunks > 1 and reads is not None and reads.default == READS:
        options = {"reads": layout.ends(job.generator.chunks), **options}
    assert job.generator.steps is not None
    return chosen(begin(job.seed, job.generator.steps, **options), job.choose)


def tasks(job: Job) -> list[Task]:
    """Every search of the job, with its scope. Each is tried up to its first round, so that bad options show here."""
    trial(job)
    todo = prompts(job)
    feasible.check(job.generator, todo)
    generator = generator_fingerprint(feasible.pin(job.generator), job.cluster.generators.ranks)
    return [Task(p.id, p, search(job), digest([generator, p.fingerprint()])) for p in todo]


def trial(job: Job) -> None:
    """Raise UsageError for options of search and rewards that are wrong; needs no model and no prompt."""
    rewards.check(job.reward)
    for i, spec in enumerate(job.watch):
        rewards.check(spec, f"watch[{i}]")
    if job.generator.num_frames:
        rewards.fits(job.reward, job.generator.num_frames, job.generator.fps)
    labels = [rewards.label(spec) for spec in (job.reward, *job.watch)]
    if doubles := sorted({x for x in labels if labels.count(x) > 1}):
        raise UsageError(f"reward, watch: two are called {doubles[0]!r}; give one another `label`")
    choose.check(job.choose, labels)
    try:
        begun = search(job)
        next(begun)
        begun.close()
    except (TypeError, ValueError) as error:
        raise UsageError(f"search: {error}") from None


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
    print(f"{len(both)} searches into {job.run}; starting {job.cluster.executor} and loading models", flush=True)
    with (
        executor(job, store=f"{job.run}/latents") as pool,
        watching(job, job.run, len(both), versions(), began) as (view, others),
    ):
        fs.makedirs(root, exist_ok=True)
        fs.pipe_file(f"{root}/config.yaml", configuration.to_yaml(job).encode())
        coordinator = Coordinator(pool, journal, [view, *others, shelf], job.films, shelf.has)
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
    """What must not change within a run folder; search and prompts may, their Moves have other keys."""
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
        },
    }


def reward_settings(job: Job) -> list[dict[str, Any]]:
    """Every reward with all its settings, defaults filled in: scores under others cannot be compared."""
    return json.loads(json.dumps([rewards.settings(spec) for spec in (job.reward, *job.watch)]))


@contextmanager
def executor(job: Job, store: str | None = None) -> Iterator[Executor]:
    """The executor the job asks for, closed again whatever happens."""
    specs, generator = [job.reward, *job.watch], feasible.pin(job.generator)
    made: Executor
    if job.cluster.executor == "inline":
        from raysearch.executors.inline import Inline

        made = Inline(generator, specs, job.cluster.generators.threads, _device(), store)
    else:
        from raysearch.executors.auth import require_token

        require_token(job.cluster.address)
        from raysearch.executors.ray import RayExecutor

        made = RayExecutor(job.cluster, generator, specs, store)
    try:
        yield made
    finally:
        made.close()


class Shelf:
    """Where films go, as soon as their search is done: films/NAME/KEY.mp4, and the best again as best/NAME.mp4.

    Beside each lies a JSON of what made it. about: what holds for all films of the run.
    """

    def __init__(self, run: str, about: Mapping[str, Any] | None = None):
        self._fs, self._root = fsspec.core.url_to_fs(run)
        self._about, self._lineages = {**(about or {}), "versions": versions()}, Lineages()

    @staticmethod
    def path(task: Task, key: str) -> str:
        return f"films/{task.name}/{key[:12]}.mp4"

    def has(self, task: Task, key: str) -> bool:
        return self._fs.exists(f"{self._root}/{self.path(task, key)}")

    def on_finish(self, finished: Finished) -> None:
        best = finished.result.winner.key if finished.result else None
        for key, mp4 in finished.films.items():
            path = self.path(finished.task, key)
            if mp4 is not None:
                self._put(path, mp4)
            film = mp4 if mp4 is not None else self._fs.cat_file(f"{self._root}/{path}")
            beside = sidecar(finished, key, film, self._lineages, self._about)
            self._put(f"{path.removesuffix('.mp4')}.json", beside)
            if key == best:
                self._put(f"best/{finished.task.name}.mp4", film)
                self._put(f"best/{finished.task.name}.json", beside)
        self._lineages.drop(finished.task)

    def on_round(self, task: Task, number: int, round: Round) -> None:
        self._lineages.note(task, round)

    def on_outcome(self, task: Task, outcome: Outcome, recalled: bool) -> None: ...
    def on_wait(self, ledger: Ledger, status: dict[str, dict[str, float]]) -> None: ...

    def _put(self, path: str, data: bytes) -> None:
        folder, name = f"{self._root}/{path}".rsplit("/", 1)
        self._fs.makedirs(folder, exist_ok=True)
        self._fs.pipe_file(f"{folder}/.{name}.partial", data)
        self._fs.mv(f"{folder}/.{name}.partial", f"{folder}/{name}")


def baseline(job: Job) -> list[Task]:
    """Of a guided job that wants it, every search once more without the guide; its Moves are those of such a job."""
    if not job.baseline or guide_of(job.search.get("guide")) is None:
        return []
    plain = replace(job, search={**job.search, "guide": None})
    found = tasks(plain)
    for task in found:
        task.name = f"{task.name}-unguided"
    return found


def summary(
    job: Job, done: list[Finished], unguided: list[Finished], coordinator: Coordinator, status: dict, seconds: float,
    worked: float,
) -> dict[str, Any]:  # fmt: skip
    """result.json: all that the report shows. The budget speaks of this invocation, its `run` of all of them."""
    searches = [_entry(end) for end in done]
    ledger, recorded = coordinator.ledger, coordinator.journal.outcomes.values()
    cost = sum((o.cost for o in recorded), Cost())
    whole = {"moves": len(recorded), "cost": asdict(cost), **totals(job.run)}
    return {
        "hash": digest([s.get("hash") for s in searches]),
        "searches": searches,
        "unguided": [_entry(end) for end in unguided],
        "reward": rewards.label(job.reward),
        "reward_settings": reward_settings(job),
        "budget": {
            **asdict(ledger), "pools": status, "seconds": seconds, "worked_s": worked,
            "damaged": coordinator.journal.damaged, "run": whole,
        },
        "versions": versions(),
    }  # fmt: skip


def _entry(end: Finished) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": end.task.name, "prompt": asdict(end.task.prompt), "error": end.error, "cost": asdict(end.cost),
        "films": {key: Shelf.path(end.task, key) for key in end.films},
    }  # fmt: skip
    if end.result is not None:
        entry |= asdict(end.result) | {"hash": end.result.digest()}
    return entry


def versions() -> dict[str, str]:
    names = ("torch", "ray", "diffusers", "transformers", "numpy")
    own = {"raysearch": __version__, "python": platform.python_version()}
    return own | {n: metadata.version(n) for n in names}


def prune(latents: str, done: list[Finished], journal: Journal) -> None:
    """Drop the states that the policy (`best`, `finals` or `none`) does not keep; their Moves can make them again."""
    keep: set[str] = set()
    for end in done:
        if end.result is None:
            return  # something is to be resumed
        keep |= {"best": {end.result.winner.key}, "finals": {o.key for o in end.result.finals}, "none": set()}[latents]
    Store(f"{journal.url}/latents").drop([k for k in journal.outcomes if k not in keep])


def _kernel(options: Any) -> Kernel:
    if isinstance(options, str):
        options = {"name": options}
    known = dict.fromkeys(Kernel.__dataclass_fields__)
    for key in options:
        lookup("search.kernel: key", key, known)
    lookup("search.kernel.name: kernel", options.get("name", "ode"), dict.fromkeys(KERNELS))
    return Kernel(**(options | ({"window": tuple(options["window"])} if "window" in options else {})))


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def folder(run: str) -> Path:
    """A local run folder. Raises UsageError if there is no finished run in it."""
    path = Path(run)
    if not (path / RESULT).is_file():
        raise UsageError(f"{run}: no {RESULT} there; give the folder of a finished run (see `run` in its job file)")
    return path
