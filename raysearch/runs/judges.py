"""The rewards of a job, checked: what each is called, its settings in force, and what makes it the same reward."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raysearch import rewards
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.rewards import resolved
from raysearch.search import choose


@dataclass(frozen=True)
class Judge:
    """A reward of a job.

    Attributes:
        spec: as the job says it.
        label: what it is called in results.
        settings: every setting with defaults filled in, as plain JSON; scores under others cannot be compared.
        identity: the same in one spelling, so that two specs of one meaning are equal.
        differentiable: whether a guide can use it.
    """

    spec: Mapping[str, Any]
    label: str
    settings: Mapping[str, Any]
    identity: Mapping[str, Any]
    differentiable: bool


def judges(job: Job, frames: int | None = None) -> tuple[Judge, ...]:
    """The search reward and then the watched ones; loads nothing.

    Args:
        job: typed and checked.
        frames: the number that the videos will have; None where it is not known.

    Raises:
        UsageError: for unknown rewards and options, videos that none of them could judge, and names given twice.
    """
    every = [_judge(job.reward, "reward"), *(_judge(spec, f"watch[{i}]") for i, spec in enumerate(job.watch))]
    if frames is not None:
        for spec in (job.reward, *job.watch):
            _fits(job, spec, frames)
    labels = [judge.label for judge in every]
    if doubles := sorted({x for x in labels if labels.count(x) > 1}):
        raise UsageError(f"reward, watch: two are called {doubles[0]!r}; give one another `label`")
    choose.check(job.choose, labels)
    return tuple(every)


def _fits(job: Job, spec: Mapping[str, Any], frames: int) -> None:
    try:
        rewards.fits(spec, frames, job.generator.fps)
    except UsageError as error:
        asked = job.generator.num_frames
        of = f" (generator.num_frames={asked} makes {frames})" if asked not in (None, frames) else ""
        raise UsageError(f"{rewards.label(spec)}: {error}{of}") from None


def _judge(spec: Mapping[str, Any], key: str) -> Judge:
    rewards.check(spec, key)
    settings = json.loads(json.dumps(rewards.settings(spec)))
    return Judge(spec, rewards.label(spec), settings, resolved(spec), rewards.differentiable(spec))
