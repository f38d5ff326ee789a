"""What a job asks for: its prompts, its searches and their options, checked before anything is loaded."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, get_args, get_origin, get_type_hints

from raysearch import rewards
from raysearch.config.settings import Job
from raysearch.engine.task import Task
from raysearch.errors import UsageError
from raysearch.generators import feasible, layout
from raysearch.moves import KERNELS, Kernel, Search, digest
from raysearch.names import lookup
from raysearch.prompts import Prompt
from raysearch.runs.fingerprints import generator_fingerprint
from raysearch.search import STRATEGIES, choose, strategy
from raysearch.search.choose import chosen
from raysearch.search.guides import guide_of
from raysearch.search.schedules import READS

KINDS: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    bool: ("true or false", lambda v: isinstance(v, bool)),
    int: ("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    float: ("a number", lambda v: isinstance(v, (int, float)) and not isinstance(v, bool)),
    str: ("a name", lambda v: isinstance(v, str)),
}
ANY: tuple[str, Callable[[Any], bool]] = ("a value", lambda v: True)


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
    if not found and job.challenge:
        raise UsageError("the job has no prompts but a challenge, which brings its own: `raysearch challenge` runs it")
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
        if not known:
            raise UsageError(f"{key}: {begin.__name__} has no options")
        elsewhere = any(key in inspect.signature(other).parameters for other in STRATEGIES.values())
        remedy = "search=NAME leaves out the options of another strategy" if elsewhere else ""
        lookup(f"option of {begin.__name__}", key, known, remedy)
    _typed(begin, options)
    if "guide" in options:
        options["guide"] = guide_of(options["guide"], sampler=begin.__name__ == "smc")
        if options["guide"] is not None and not rewards.differentiable(job.reward):
            able = ", ".join(rewards.able("differentiable"))
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


def tasks(job: Job, generator: str | None = None) -> list[Task]:
    """Every search of the job, with its scope. Each is tried up to its first round, so that bad options show here.

    generator: its fingerprint, where it is on record; then the model need not be there, and is not asked.
    """
    trial(job)
    todo = prompts(job)
    if generator is None:
        feasible.check(job.generator, todo)
        generator = generator_fingerprint(feasible.pin(job.generator), job.cluster.generators.ranks)
    return [Task(p.id, p, search(job), digest([generator, p.fingerprint()]), partial(search, job)) for p in todo]


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


def baseline(job: Job, generator: str | None = None) -> list[Task]:
    """Of a guided job that wants it, every search once more without the guide; its Moves are those of such a job.

    generator: as in `tasks`.
    """
    if not job.baseline or guide_of(job.search.get("guide")) is None:
        return []
    plain = replace(job, search={**job.search, "guide": None})
    found = tasks(plain, generator)
    for task in found:
        task.name = f"{task.name}-unguided"
    return found


def _kernel(options: Any) -> Kernel:
    if isinstance(options, str):
        options = {"name": options}
    known = dict.fromkeys(Kernel.__dataclass_fields__)
    for key in options:
        lookup("search.kernel: key", key, known)
    lookup("search.kernel.name: kernel", options.get("name", "ode"), dict.fromkeys(KERNELS))
    kernel = Kernel(**(options | ({"window": tuple(options["window"])} if _window(options) else {})))
    bound = {"ode": 0, "2m": 0, "ddim_eta": 1, "cps": 1}.get(kernel.name, math.inf)
    if not (isinstance(kernel.eta, (int, float)) and 0 <= kernel.eta <= bound):
        of = f"{kernel.name} has no noise; name another kernel" if not bound else f"{kernel.name} takes 0 to {bound}"
        raise UsageError(f"kernel.eta={kernel.eta!r}: {of}")
    return kernel


def _window(options: Mapping[str, Any]) -> bool:
    """Whether there is a window, and it is one."""
    window = options.get("window", (0, 1))
    if not (isinstance(window, (list, tuple)) and len(window) == 2 and all(isinstance(v, (int, float)) for v in window)
            and 0 <= window[0] <= window[1] <= 1):  # fmt: skip
        raise UsageError(f"kernel.window={window!r}: give two fractions of the steps, [start, end]")
    return "window" in options


def _typed(begin: Callable[..., Search], options: Mapping[str, Any]) -> None:
    """Raise UsageError for an option that is no number, no word, ... where the strategy wants one."""
    wanted = get_type_hints(begin)
    for key, value in options.items():
        hint = wanted.get(key, Any)
        if get_origin(hint) is Sequence:
            (of,) = get_args(hint)
            if not isinstance(value, (list, tuple)) or not all(KINDS.get(of, ANY)[1](v) for v in value):
                raise UsageError(f"{key}={value!r}: give a list, each of its items {KINDS.get(of, ANY)[0]}")
            continue
        kinds = [k for k in KINDS if k in (hint, *get_args(hint))]
        empty = value is None and type(None) in get_args(hint)
        if kinds and not empty and not any(KINDS[k][1](value) for k in kinds):
            several = "; raysearch sweep takes several values" if isinstance(value, str) and "," in value else ""
            raise UsageError(f"{key}={value!r}: give {KINDS[kinds[0]][0]}{several}")
