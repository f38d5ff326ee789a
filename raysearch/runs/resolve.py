"""`resolve(job)`: everything that follows from a job, worked out and checked once, before anything is spent.

Commands and runs pass the Resolved down; nobody below asks for rewards, pins or fingerprints again. Nothing is loaded:
of a model on the hub only its index is fetched, of a folder the content is hashed. Jobs that have parts in common, as
the points of a sweep, share them through one `Shared`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from raysearch import writers
from raysearch.config import by_card
from raysearch.config.settings import GeneratorConfig, Job
from raysearch.engine.task import Task
from raysearch.errors import UsageError
from raysearch.generators import api, cheaper, feasible, inputs, solver
from raysearch.generators.sizes import Length
from raysearch.generators.tokens import cut
from raysearch.moves import digest
from raysearch.observe import trackers
from raysearch.prompts import Prompt
from raysearch.rewards.spec import check_models
from raysearch.runs.fingerprints import generator_fingerprint
from raysearch.runs.judges import Judge, judges
from raysearch.runs.manifest import manifest
from raysearch.runs.prompts import UNGUIDED, prompts
from raysearch.runs.tasks import Recipe, recipe, tasks
from raysearch.runs.wordings import check_refining, check_wordings, notes
from raysearch.writers import Refining, Rewriting

T = TypeVar("T")


@dataclass(frozen=True)
class Resolved:
    """A job and everything that follows from it.

    Attributes:
        job: as typed and checked.
        judges: the search reward, then the watched ones.
        recipe: how its searches begin.
        prompts: what to generate.
        generator: its settings, pinned to the commit that its revision stands for now.
        scopes: fingerprint of generator and prompt, for each prompt; part of every Move key.
        manifest: what must not change within the run folder. Scopes and manifest are empty for a job `elsewhere`.
        length: how many frames the videos will have; None where that is not known before the model is loaded.
        rewriting: how a writer words the prompts anew; None where none does.
        refining: how prompts are refined by what came of them, round by round; None where they are not.
        worded: whether the prompts have the writer's variants already.
        stock: the kernel that `search.kernel=stock` stands for; empty where the job does not ask for it.
    """

    job: Job
    judges: tuple[Judge, ...]
    recipe: Recipe
    prompts: tuple[Prompt, ...]
    generator: GeneratorConfig
    scopes: tuple[str, ...]
    manifest: Mapping[str, Any]
    length: Length | None = None
    rewriting: Rewriting | None = None
    refining: Refining | None = None
    worded: bool = False
    stock: str = ""

    @property
    def notes(self) -> list[str]:
        """What the job will do otherwise than it, or the card of its model, says; for the user, before a start."""
        said = [*notes(self.job, self.recipe, self.prompts), *cut(self.generator, self.prompts)]
        said += by_card.notes(self.job.generator)
        if self.stock:
            said.append(f"search.kernel=stock: {solver.meaning(self.stock)}")
        if self.length is not None and self.length.note:
            said.append(f"generator.num_frames={self.length.asked}: {self.length.note}")
        return said

    @property
    def specs(self) -> list[dict[str, Any]]:
        """The specs of the rewards, the search reward first."""
        return [dict(judge.spec) for judge in self.judges]

    def measured(self, spread: float) -> Resolved:
        """The same job where lambda is given in units of the reward's spread, with this spread."""
        return replace(self, recipe=self.recipe.measured(spread))

    def tasks(self) -> list[Task]:
        """A new task for each prompt, to be given to a coordinator."""
        return tasks(self.recipe, self.prompts, self.scopes)

    def baseline(self) -> list[Task]:
        """Of a guided job that wants it, every search once more without the guide; else none."""
        if not (self.job.baseline and self.recipe.guided):
            return []
        return tasks(self.recipe.unguided(), self.prompts, self.scopes, UNGUIDED)


@dataclass
class Shared:
    """Parts that several jobs have in common, by what they follow from."""

    parts: dict[str, list[tuple[Any, Any]]] = field(default_factory=dict)

    def once(self, kind: str, source: Any, make: Callable[[], T]) -> T:
        """What `make` gave for an equal source before, or gives now."""
        kept = self.parts.setdefault(kind, [])
        for known, value in kept:
            if known == source:
                same: T = value
                return same
        made = make()
        kept.append((source, made))
        return made


def resolve(
    job: Job | Resolved, *, elsewhere: bool = False, record: Mapping[str, Any] | None = None,
    shared: Shared | None = None, with_prompts: bool = True,
) -> Resolved:  # fmt: skip
    """Work out everything that follows from a job. What is resolved already is returned as it is.

    Args:
        job: typed and checked, as `config.load` gives it.
        elsewhere: it will run on another machine, so the model need not be here and is not asked.
        record: the manifest of a run folder, whose fingerprints stand in for those of a model that is not asked.
        shared: parts worked out for other jobs.
        with_prompts: False for a challenge, which brings prompts of its own.

    Raises:
        UsageError: for anything that can be known to be wrong before a model is loaded.
    """
    if isinstance(job, Resolved):
        return job
    shared = shared or Shared()
    trackers.read(job.track, here=False)
    stock = ""
    if solver.asked(job.search):
        stock = "" if elsewhere else feasible.stock_kernel(job.generator)
        job = replace(job, search={**job.search, "kernel": stock or "ode"})
    model, ranks = job.generator, job.cluster.generators.ranks
    length = (
        None
        if record is not None
        else shared.once("length", (model, elsewhere), lambda: feasible.length(model, usual=not elsewhere))
    )
    frames = length.made if length else model.num_frames
    judged = shared.once("judges", (job.reward, job.watch, job.choose, frames, model.fps), lambda: judges(job, frames))
    how = recipe(job, judged[0])
    if how.guided and model.offload:
        raise UsageError(
            f"generator.offload={model.offload}: a guide needs network and autoencoder at once; leave one of them out"
        )
    todo = shared.once("prompts", job.prompts, lambda: tuple(prompts(job))) if with_prompts else ()
    rewriting, refining = writers.read(job.prompts.rewrite), writers.read_refining(job.prompts.refine)
    check_refining(job, how)
    if with_prompts:
        check_wordings(job, how, todo)
    if model.name == api.NAME:
        api.check(model, todo)
        api.check_spending(model, sum(_videos(how, p, rewriting, refining) for p in todo))
    if elsewhere:
        return Resolved(job, judged, how, todo, model, (), {}, length, rewriting, refining, stock=stock)
    if record is not None:
        weights: str = record["generator"]["weights"]
        about = record
    else:
        model, weights = shared.once("generator", (model, ranks, job.prompts), lambda: _pinned(job, todo))
        for key, spec in keyed_rewards(job):
            shared.once("reward model", (key, spec), partial(check_models, spec, key, ask=False))
        about = shared.once("manifest", (model, weights, judged), lambda: manifest(model, weights, judged))
    scopes = shared.once(
        "scopes", (weights, todo, model), lambda: tuple(digest([weights, *_inputs(model, p)]) for p in todo)
    )
    return Resolved(job, judged, how, todo, model, scopes, about, length, rewriting, refining, stock=stock)


def keyed_rewards(job: Job) -> list[tuple[str, Mapping[str, Any]]]:
    """The specs of the rewards of a job, each with the key where it stands."""
    return [("reward", job.reward), *((f"watch[{i}]", spec) for i, spec in enumerate(job.watch))]


def _inputs(generator: GeneratorConfig, prompt: Prompt) -> list[str]:
    """What is particular to a prompt, and how its picture gets the shape of the video where it has another."""
    return [prompt.fingerprint(), *([f"fit={generator.fit}"] if inputs.refits(generator, prompt) else [])]


def _videos(how: Recipe, prompt: Prompt, rewriting: Rewriting | None, refining: Refining | None) -> int:
    """Videos that a search asks of an endpoint, one network evaluation each."""
    more = rewriting.n if rewriting is not None and prompt.text else 0
    more += refining.rounds if refining is not None else 0
    return int(how.first(len(prompt.wordings) + more if how.worded else 1).get("nfe", 0))


def _pinned(job: Job, todo: tuple[Prompt, ...]) -> tuple[GeneratorConfig, str]:
    """The generator at a fixed revision, and its fingerprint; checked against the prompts."""
    if job.cluster.executor == "ray" and not job.cluster.generators.num_gpus:
        cheaper.check_device(job.generator, "cpu")  # what Ray gives to a replica without GPUs
    feasible.check(job.generator, todo, job.cluster.generators.ranks)
    generator: GeneratorConfig = feasible.pin(job.generator)
    return generator, generator_fingerprint(generator, job.cluster.generators.ranks)
