"""The searches of a job: its strategy with checked options, and a task for every prompt."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from raysearch import rewards
from raysearch.config.settings import Job
from raysearch.engine.task import Task
from raysearch.errors import UsageError
from raysearch.generators import api, feasible
from raysearch.moves import Guide, Search
from raysearch.prompts import Prompt
from raysearch.runs.judges import Judge
from raysearch.search import ACROSS, VARIANTS, options_of, words
from raysearch.search.across import across
from raysearch.search.backtrack import CUTS
from raysearch.search.choose import chosen
from raysearch.search.schedules import DROPS, READS

TOGETHER = (("width", "branch"), ("n", "branch"))  # whose product is the number of Moves of a round
MOST = 1_000_000  # particles, children, repetitions; their Moves are held in memory


@dataclass(frozen=True)
class Recipe:
    """How the searches of a job begin; every prompt gets the same.

    Attributes:
        strategy: the generator function, which takes seed, steps and its options.
        options: its options, checked, with kernel and guide as objects.
        seed: the seed of the job.
        steps: denoising steps of a video.
        choose: the job's rule for the final choice; empty for the highest reward.
        across: whether there is a search of its own for every wording of a prompt.
    """

    strategy: Callable[..., Search]
    options: Mapping[str, Any]
    seed: int
    steps: int
    choose: Mapping[str, Any]
    across: bool = False

    @property
    def worded(self) -> bool:
        """Whether the variants of prompts are used."""
        return self.across or words(self.strategy)

    @property
    def guided(self) -> bool:
        """Whether Moves are steered by the gradient of the reward."""
        return self.options.get("guide") is not None

    @property
    def measures(self) -> Mapping[str, float] | None:
        """lambda as it is written, where its spread has yet to be measured."""
        lam = self.options.get("lam")
        return lam if isinstance(lam, Mapping) and "spread" not in lam else None

    def measured(self, spread: float) -> Recipe:
        """The same searches with this spread of the reward."""
        lam = self.measures
        return self if lam is None else replace(self, options={**self.options, "lam": {**lam, "spread": spread}})

    def begin(self, wordings: Sequence[str | None] = (None,)) -> Search:
        """A new search from the top.

        Args:
            wordings: of the prompt; None stands for its own text.
        """
        if not self.across:
            return chosen(self._one(self.seed, wordings), self.choose)
        options = dict(self.options)
        if options.get("budget") is not None:
            options["budget"] = max(options["budget"] // len(wordings), 1)
        each = replace(self, options=options)
        return chosen(across(each._one, self.seed, self.steps, wordings), self.choose)

    def check(self, wordings: int) -> None:
        """Raise UsageError where the search cannot be begun with so many wordings of a prompt.

        A strategy checks in its first round what no annotation can say.
        """
        self.first(wordings)

    def first(self, wordings: int) -> Mapping[str, Any]:
        """The note of the first round with so many wordings. Raises UsageError where it cannot be begun."""
        try:
            begun = self.begin((None, *(f"wording {k}" for k in range(1, wordings))))
            note = next(begun).note
            begun.close()
        except (TypeError, ValueError) as error:
            raise UsageError(f"search: {error}") from None
        return note

    def _one(self, seed: int, wordings: Sequence[str | None]) -> Search:
        given = {VARIANTS: tuple(wordings)} if words(self.strategy) else {}
        return self.strategy(seed, self.steps, **self.options, **given)

    def unguided(self) -> Recipe:
        """The same searches without the guide."""
        return replace(self, options={**self.options, "guide": None})


def recipe(job: Job, judge: Judge) -> Recipe:
    """Check the search of a job up to its first round.

    Args:
        job: the job.
        judge: its search reward, which a guide needs to be differentiable.

    Raises:
        UsageError: for an unknown strategy or option and for values that cannot be meant.
    """
    assert job.generator.steps is not None
    if job.generator.name == api.NAME:
        asked = {f"watch[{i}]": str(s["name"]) for i, s in enumerate(job.watch) if rewards.on_generators(s)}
        api.check_search(job.search, job.cluster.generators.ranks, asked)
    begin, options = options_of(job.search)
    over = options.pop(ACROSS, None) is not None
    for name in ("guide", "drift"):
        _can_guide(job, judge, options.get(name), f"search.{name}")
    _within_reach(options, job.generator.steps)
    reads = inspect.signature(begin).parameters.get("reads")
    if reads is not None and reads.default in (READS, DROPS) and (ends := feasible.chunk_ends(job.generator)):
        options = {"reads": ends, **options}
    if "ends" in inspect.signature(begin).parameters and "ends" not in options:
        options = {"ends": _ends(job), **options}
    if "lengths" in inspect.signature(begin).parameters:
        options = {"lengths": _lengths(job, options), **options}
    checked = Recipe(begin, options, job.seed, job.generator.steps, job.choose, over)
    checked.measured(1.0).check(1)
    return checked


def _ends(job: Job) -> list[float]:
    """Where the chunks of the job's generator end; raises UsageError where it makes a video whole."""
    ends = feasible.chunk_ends(job.generator)
    if not ends:
        raise UsageError(
            f"search.name={job.search['name']!r}: generator.chunks={job.generator.chunks} makes the video whole, so "
            "there are no chunks to choose; set generator.chunks, or use best_of_n"
        )
    return ends


def _lengths(job: Job, options: Mapping[str, Any]) -> list[int]:
    """Frames of the chunks of the job's generator, for a search that keeps what comes before a break.

    Raises:
        UsageError: where nothing tells where a video breaks, or how long the chunks are.
    """
    if options.get("cut", CUTS[0]) != CUTS[0]:
        return []
    if not any(spec["name"] == "breaks" for spec in rewards.flat([job.reward, *job.watch])):
        raise UsageError(
            f"search.name={job.search['name']!r}: no reward here tells where a video breaks; set reward={{name: "
            "breaks, parts: [{name: vjepa2}], good: FOLDER}, or search.cut to random or ladder"
        )
    known = feasible.chunk_lengths(job.generator)
    if not known and "lengths" not in options:
        raise UsageError(
            f"search.name={job.search['name']!r}: how many frames each chunk makes is not known; set "
            "generator.num_frames, or search.lengths, e.g. [25, 24, 24]"
        )
    return known


def tasks(recipe: Recipe, prompts: Sequence[Prompt], scopes: Sequence[str], suffix: str = "") -> list[Task]:
    """A task for each prompt. scopes: fingerprints of generator and prompt, in the same order."""
    begins = [partial(recipe.begin, prompt.wordings) for prompt in prompts]
    return [
        Task(p.id + suffix, p, begin(), scope, begin) for p, scope, begin in zip(prompts, scopes, begins, strict=True)
    ]


def _within_reach(options: Mapping[str, Any], steps: int) -> None:
    """Raise UsageError for counts that no machine can run."""
    for name, value in options.items():
        most = MOST * steps if name == "budget" else MOST
        if isinstance(value, int) and value > most:
            shown = str(value) if value < 10**20 else f"{str(value)[:17]}..."
            raise UsageError(f"search.{name}={shown}: more than any machine can run; give at most {most}")
    for a, b in TOGETHER:
        many, each = options.get(a), options.get(b)
        if isinstance(many, int) and isinstance(each, int) and many * each > MOST:
            raise UsageError(
                f"search.{a}={many} times search.{b}={each}: more than any machine can run; give at most "
                f"{MOST} together"
            )


def _can_guide(job: Job, judge: Judge, guide: Guide | None, key: str) -> None:
    if guide is None:
        return
    if not judge.differentiable:
        able = ", ".join(rewards.able("differentiable"))
        raise UsageError(f"{key}: reward.name={judge.spec['name']!r} has no gradient; choose one of {able}")
    if job.cluster.generators.ranks > 1:
        raise UsageError(
            f"{key}: a replica of cluster.generators.ranks={job.cluster.generators.ranks} cannot be guided, "
            "diffusers' context parallelism has no gradient; set it to 1"
        )
