"""What a job may say: typed settings with defaults that work, their bounds and meanings, and nothing that acts.

A job says what to run, `cluster` where. raysearch/config/load.py reads, merges and checks them; an annotation holds
what may be given, the docstring what it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypedDict

from annotated_types import Ge, Le

from raysearch.config.generator import GeneratorConfig
from raysearch.config.places import As, ClusterConfig, PoolConfig
from raysearch.config.prompting import PromptItem, PromptsConfig

__all__ = ["ClusterConfig", "GeneratorConfig", "Job", "PartSpec", "PoolConfig", "PromptItem", "PromptsConfig", "Spec"]

Films = Literal["best", "shown", "all", "none"]
Latents = Literal["best", "finals", "none"]


class PartSpec(TypedDict, total=False):
    """What the specs of searches and rewards have in common; the other keys are options of the part that they name."""

    name: str
    label: str
    revision: str | None


class TrackSpec(TypedDict, total=False):
    """What the specs of trackers have in common; the other keys are options of the one that is named."""

    name: str


Spec = Annotated[dict[str, Any], As(PartSpec)]


@dataclass
class Job:
    """A job: what to run, and where.

    Attributes:
        run: folder or URL of the results.
        seed: of all noise.
        prompts: what to generate.
        search: the strategy by `name`, with its options.
        generator: the video generator.
        reward: what the search goes by, by `name`, with its options.
        watch: further rewards, which are only measured.
        choose: the final choice among the candidates, by several measurements; empty for the highest reward.
        films: which videos to keep, `best`, `shown` (best, worst and first), `all` or `none`.
        latents: which states to keep on disk once a search is done, `best`, `finals` or `none`; while it runs all are
            kept, so that nothing is lost.
        track: where the run is also logged, `tensorboard`, `wandb` or `mlflow`, or a mapping with `name` and its
            options; null for nowhere.
        baseline: run a guided search without its guide too, so that the report can tell what the guide has done.
        needs_gpu: refuse to compute the generator on a CPU, where a large model takes days instead of minutes.
        challenge: settings of `raysearch challenge`, which alone reads them.
        sweep: axes of `raysearch sweep`, key: [values].
        searches: options by strategy, for a sweep over several.
        cluster: where to run.
    """

    run: str = "runs/run"
    seed: Annotated[int, Ge(0), Le(2**63 - 1), "a whole number from 0 to 2^63 - 1"] = 0
    prompts: PromptsConfig = field(default_factory=PromptsConfig)
    search: Spec = field(default_factory=lambda: {"name": "best_of_n"})
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    reward: Spec = field(default_factory=lambda: {"name": "vjepa2"})
    watch: Annotated[list[Any], As(list[str | PartSpec])] = field(default_factory=lambda: [{"name": "motion"}])
    choose: dict[str, Any] = field(default_factory=dict)
    films: Films = "shown"
    latents: Latents = "best"
    track: Annotated[Any, As(str | TrackSpec | None)] = None
    baseline: bool = True
    needs_gpu: bool = False
    challenge: dict[str, Any] = field(default_factory=dict)
    sweep: dict[str, Any] = field(default_factory=dict)
    searches: dict[str, Any] = field(default_factory=dict)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
