"""How a job says who refines its prompts by what came of them, `prompts.refine`: checked before anything is asked.

The loop is PhyT2V's (arXiv 2412.00596): generate, let a vision-language model say what is wrong, rewrite, go on. Here
the model is shown where and when a world model is surprised, and the best of all rounds wins, not the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le

from raysearch import options as checking
from raysearch import web
from raysearch.errors import UsageError
from raysearch.options import Count, Natural, NonNegative
from raysearch.writers.templates import CRITIQUE, NOTHING, REWORDING

KEY = "prompts.refine"


@dataclass(frozen=True)
class Refining:
    """How prompts are refined.

    Attributes:
        model: the name of the model at an endpoint; a local one is named by `with`.
        rounds: new wordings of each prompt at most, one a round.
        frames: how many frames of a video the model is shown.
        size: their longer side in pixels, for an endpoint; of a local model their side.
        seed: of the first round; the others count on.
        temperature: of the model's sampling.
        max_tokens: of an answer at most.
        revision: of a hub id.
        dtype: of a local model.
        answers: folder or URL of the answers; null for one within the run folder.
    """

    key: ClassVar[str] = KEY

    model: str | None = None
    rounds: Annotated[int, Ge(1), Le(16)] = 2
    frames: Annotated[int, Ge(1), Le(64)] = 8
    size: Count = 448
    seed: Natural = 0
    temperature: NonNegative = 0.7
    max_tokens: Count = 512
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    answers: str | None = None
    source: str = ""

    @property
    def remote(self) -> bool:
        """Whether the model is an endpoint."""
        return "://" in self.source

    @property
    def about(self) -> dict[str, Any]:
        """What decides an answer beside question, video and seed."""
        names = ("model",) if self.remote else ("revision", "dtype")
        return {"with": self.source} | {
            k: getattr(self, k) for k in (*names, "frames", "size", "temperature", "max_tokens")
        }


def read(given: Mapping[str, Any]) -> Refining | None:
    """The job's `prompts.refine`, checked; None where it is empty.

    Raises:
        UsageError: for unknown keys and for values that cannot be meant.
    """
    if not given:
        return None
    source, rest = given.get("with"), {k: v for k, v in given.items() if k != "with"}
    if not isinstance(source, str) or not source:
        raise UsageError(
            f"{KEY}.with is missing: give a folder or hub id of a vision-language model, or http://host:8000/v1"
        )
    checking.check(checking.describe(Refining, "refine", without=("source",)), rest, KEY)
    found = Refining(**rest, source=source)
    if found.remote:
        web.check(f"{KEY}.with", source)
        if not found.model:
            raise UsageError(f"{KEY}.model is missing; say which model of {source} is to look at the videos")
    elif found.model is not None:
        raise UsageError(f"{KEY}.model={found.model!r}: names the model of an endpoint; `with` names a local one")
    elif source.startswith((".", "/", "~")) and not Path(source).expanduser().is_dir():
        raise UsageError(f"{KEY}.with={source!r}: no such folder")
    return found


def critique(text: str, times: str, place: str) -> str:
    """The question about a video: what is wrong with it.

    Args:
        text: the prompt's own text, by which the video is judged.
        times: when the frames are, in words.
        place: where and when a world model is surprised, in words; may be empty.
    """
    return CRITIQUE.replace("{times}", times).replace("{place}", place).replace("{text}", text)


def rewording(wording: str, critique: str) -> str:
    """The question for another wording, from what was wrong with the video of this one."""
    return REWORDING.replace("{critique}", critique).replace("{wording}", wording)


def nothing(answer: str) -> bool:
    """Whether a critique says that nothing is wrong."""
    return answer.strip().strip(".\"'*").upper().startswith(NOTHING)
