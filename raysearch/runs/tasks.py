"""The searches of a job: its strategy with checked options, and a task for every prompt."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from raysearch import rewards
from raysearch.config.settings import Job
from raysearch.engine.task import Task
from raysearch.errors import UsageError
from raysearch.generators import layout
from raysearch.moves import KERNELS, Guide, Kernel, Search
from raysearch.names import lookup
from raysearch.options import Window, check, check_value, describe
from raysearch.prompts import Prompt
from raysearch.runs.judges import Judge
from raysearch.search import STRATEGIES, strategy
from raysearch.search.choose import chosen
from raysearch.search.guides import guide_of
from raysearch.search.schedules import READS

MOST = 1_000_000  # particles, children, repetitions; their Moves are held in memory
NOT_OPTIONS = 2  # the first parameters of a strategy: seed and steps


@dataclass(frozen=True)
class Recipe:
    """How the searches of a job begin; every prompt gets the same.

    Attributes:
        strategy: the generator function, which takes seed, steps and its options.
        options: its options, checked, with kernel and guide as objects.
        seed: the seed of the job.
        steps: denoising steps of a video.
        choose: the job's rule for the final choice; empty for the highest reward.
    """

    strategy: Callable[..., Search]
    options: Mapping[str, Any]
    seed: int
    steps: int
    choose: Mapping[str, Any]

    @property
    def guided(self) -> bool:
        """Whether Moves are steered by the gradient of the reward."""
        return self.options.get("guide") is not None

    def begin(self) -> Search:
        """A new search from the top."""
        return chosen(self.strategy(self.seed, self.steps, **self.options), self.choose)

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
    options = dict(job.search)
    begin = strategy(options.pop("name"))
    if options.get("guide") is not None:
        options["guide"] = guide_of(options["guide"], sampler=begin.__name__ == "smc")
        _can_guide(job, judge, options["guide"])
    if "kernel" in options:
        options["kernel"] = kernel_of(options["kernel"])
    _check(begin, options, job.generator.steps)
    reads = inspect.signature(begin).parameters.get("reads")
    if job.generator.chunks > 1 and reads is not None and reads.default == READS:
        options = {"reads": layout.ends(job.generator.chunks), **options}
    checked = Recipe(begin, options, job.seed, job.generator.steps, job.choose)
    _try(checked)
    return checked


def tasks(recipe: Recipe, prompts: Sequence[Prompt], scopes: Sequence[str], suffix: str = "") -> list[Task]:
    """A task for each prompt. scopes: fingerprints of generator and prompt, in the same order."""
    return [
        Task(p.id + suffix, p, recipe.begin(), scope, recipe.begin) for p, scope in zip(prompts, scopes, strict=True)
    ]


def _check(begin: Callable[..., Search], options: Mapping[str, Any], steps: int) -> None:
    """Hold the options against the signature of the strategy."""
    part = describe(begin, without=list(inspect.signature(begin).parameters)[:NOT_OPTIONS])
    unknown = next((key for key in options if key not in part.options), None)
    others = (inspect.signature(other).parameters for other in STRATEGIES.values())
    elsewhere = unknown is not None and any(unknown in parameters for parameters in others)
    check(part, options, "search", "search=NAME leaves out the options of another strategy" if elsewhere else "")
    for name, value in options.items():
        most = MOST * steps if name == "budget" else MOST
        if isinstance(value, int) and value > most:
            shown = str(value) if value < 10**20 else f"{str(value)[:17]}..."
            raise UsageError(f"search.{name}={shown}: more than any machine can run; give at most {most}")


def _try(recipe: Recipe) -> None:
    """Ask a search for its first round: a strategy checks there what no annotation can say."""
    try:
        begun = recipe.begin()
        next(begun)
        begun.close()
    except (TypeError, ValueError) as error:
        raise UsageError(f"search: {error}") from None


def _can_guide(job: Job, judge: Judge, guide: Guide | None) -> None:
    if guide is None:
        return
    if not judge.differentiable:
        able = ", ".join(name for name, entry in rewards.REWARDS.items() if entry.differentiable)
        raise UsageError(f"search.guide: reward.name={judge.spec['name']!r} has no gradient; choose one of {able}")
    if job.cluster.generators.ranks > 1:
        raise UsageError(
            f"search.guide: a replica of cluster.generators.ranks={job.cluster.generators.ranks} cannot be guided, "
            "diffusers' context parallelism has no gradient; set it to 1"
        )


def kernel_of(options: Any) -> Kernel:
    """The kernel of `search.kernel`: its name, or a mapping of the fields of Kernel."""
    if isinstance(options, str):
        options = {"name": options}
    if not isinstance(options, Mapping):
        raise UsageError(f"search.kernel={options!r}: give {', '.join(KERNELS)}, or a mapping such as {{name: ode}}")
    known = dict.fromkeys(Kernel.__dataclass_fields__)
    for key in options:
        lookup("search.kernel: key", str(key), known)
    lookup("search.kernel.name: kernel", str(options.get("name", "ode")), dict.fromkeys(KERNELS))
    window = options.get("window", (0.0, 1.0))
    check_value("search.kernel.window", window, Window)
    if window[0] > window[1]:
        raise UsageError(f"search.kernel.window={window!r}: give two fractions of the steps, [start, end]")
    kernel = Kernel(**(dict(options) | ({"window": tuple(window)} if "window" in options else {})))
    bound = {"ode": 0, "2m": 0, "ddim_eta": 1, "cps": 1}.get(kernel.name, math.inf)
    number = isinstance(kernel.eta, (int, float)) and not isinstance(kernel.eta, bool) and math.isfinite(kernel.eta)
    if not (number and 0 <= kernel.eta <= bound):
        of = f"{kernel.name} has no noise; name another kernel" if not bound else f"{kernel.name} takes 0 to {bound}"
        raise UsageError(f"search.kernel.eta={kernel.eta!r}: {of}")
    return kernel
