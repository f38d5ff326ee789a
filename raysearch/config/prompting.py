"""What a job may say of its prompts: written down, from a file, or scenes of the tiny world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

from annotated_types import Ge, Le

from raysearch.config.places import As


class PromptItem(TypedDict, total=False):
    """One prompt: a text with its variants, at most one of image, video (files) and scene, and a plan for its noise."""

    id: str
    text: str
    image: str | None
    video: str | None
    scene: str | None
    scene_seed: Annotated[int, Ge(0), Le(2**31 - 1)]
    variants: list[str]
    plan: Any


@dataclass
class PromptsConfig:
    """What to generate.

    Attributes:
        items: prompts, each a text or a mapping with text, variants (other wordings), image, video, scene and id.
        file: a list of more prompts (.txt, .jsonl or .csv), or a folder of images and clips.
        heldout: the number of held-out scenes of the tiny world, beside the items.
        scenes: their kinds, taken in turn.
        first: number of the first held-out scene.
        refine: a vision-language model says what is wrong with the best video and rewrites its wording, round by round,
            {with: folder, hub id or http://host/v1, rounds: 2}.
        rewrite: further wordings of every prompt by a language model, {with: folder, hub id or http://host/v1, n: 8}.
    """

    items: Annotated[list[Any], As(list[str | PromptItem])] = field(default_factory=list)
    file: str | None = None
    heldout: Annotated[int, Ge(0), Le(100_000)] = 0
    scenes: list[str] = field(default_factory=lambda: ["one_ball", "two_balls"])
    first: Annotated[int, Ge(0), Le(2**31 - 1)] = 0
    rewrite: dict[str, Any] = field(default_factory=dict)
    refine: dict[str, Any] = field(default_factory=dict)
