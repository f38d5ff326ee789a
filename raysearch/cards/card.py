"""What a card holds: the values with which the maker of a model asks for it to be run, each with its source.

A card is plain data. Its settings have the names of the keys below `generator` in a job, with dots for mappings
(`scheduler.flow_shift`, `call.decode_timestep`), so that filling what a job leaves open, and telling where a job
differs, need no code per family (config/by_card.py). Where sources disagree, `others` says what else is asked for and
`why` which was chosen and for which reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# Sources that many cards name.
CALL = "diffusers 0.42.1, default of the call"
EXAMPLE = "diffusers 0.42.1, example of the pipeline"
HUB = "hub folder (diffusers' conversion script)"
LARGE = 600  # pixels of the shorter side from which a size counts as 720p rather than 480p


@dataclass(frozen=True)
class BySize:
    """A value that depends on the size of the video.

    Attributes:
        small: for a shorter side below LARGE pixels (480p, 540p).
        large: for others (704, 720p).
    """

    small: Any
    large: Any

    def at(self, height: int | None, width: int | None) -> Any:
        """The value at a size; None for a side that is not known counts as small."""
        return self.large if min(height or 0, width or 0) >= LARGE else self.small


@dataclass(frozen=True)
class Stated:
    """One value of a card.

    Attributes:
        value: what a run uses unless the job says otherwise.
        source: where it stands, in words: whose repository, example or documentation.
        others: what other sources say, where they disagree.
        why: for which reason this one was chosen, where they disagree.
    """

    value: Any
    source: str
    others: str = ""
    why: str = ""

    def at(self, height: int | None, width: int | None) -> Any:
        """The value at the size of a video."""
        return self.value.at(height, width) if isinstance(self.value, BySize) else self.value


Values: TypeAlias = Mapping[str, Stated]


@dataclass(frozen=True)
class Card:
    """What the maker of a model asks for.

    Attributes:
        models: the hub ids for which it holds; a folder of the same last name counts as that model.
        pipeline: the class of diffusers.
        settings: by key below `generator` (see above), what fills a job that leaves the key open. `dtype` is a mapping
            of the parts of the pipeline, with `default` for those that are not named.
        facts: what no setting of a job can change, by a name of one's choice: boundary of the experts, inputs that the
            model needs, licence, memory. Those named `index.KEY` must stand in the model's model_index.json.
        sizes: further (height, width) that the model was made for, beside those in `settings`; either orientation.
        lengths: further numbers of frames that it was made for, beside that in `settings`.
    """

    models: tuple[str, ...]
    pipeline: str
    settings: Values
    facts: Values = field(default_factory=dict)
    sizes: tuple[tuple[int, int], ...] = ()
    lengths: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The first of its models."""
        return self.models[0]


def stated(source: str, **values: Any) -> dict[str, Stated]:
    """Several values of one source; a double underscore in a name stands for the dot."""
    return {key.replace("__", "."): Stated(value, source) for key, value in values.items()}
