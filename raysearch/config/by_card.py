"""A job beside the card of its model (raysearch/cards): what the job leaves open is filled, what differs is told.

Invariant: what a person wrote is what is used. The card fills only keys that are not given, and a value of a job that
differs from the card is kept and said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raysearch import cards
from raysearch.cards import Card, Stated
from raysearch.config.settings import GeneratorConfig
from raysearch.tinyworld import GENERATORS  # filled by tiny_defaults, and in no need of a card

OWN_TIMES = ("timesteps", "sigmas")  # arguments of a call that replace what the scheduler's settings say
PLAIN: dict[str, Any] = {"dtype": "float32", "tiling": False}  # without a card


@dataclass(frozen=True)
class Compared:
    """One setting of a card beside the job's.

    Attributes:
        key: below `generator`.
        stated: the card's entry.
        card: its value at the size of the job.
        job: the job's value.
        differs: whether the job runs otherwise than the card says.
    """

    key: str
    stated: Stated
    card: Any
    job: Any
    differs: bool


def card_of(generator: GeneratorConfig) -> Card | None:
    """The card of the model that a job names; None where none is known. Raises UsageError for an unknown `card`."""
    if generator.name != "diffusers" or generator.model in GENERATORS:
        return None
    return cards.find(generator.model, generator.card)


def fill(generator: GeneratorConfig) -> None:
    """Give every setting that a job leaves open the value of its card. Settings of no card have those of PLAIN."""
    card = card_of(generator)
    if card is not None:
        for key in sorted(card.settings, key=lambda key: key not in ("height", "width")):  # values may depend on these
            _fill(generator, key, card.settings[key].at(generator.height, generator.width))
    for key, value in PLAIN.items():
        if getattr(generator, key) is None:
            setattr(generator, key, value)


def _fill(generator: GeneratorConfig, key: str, value: Any) -> None:
    part, _, name = key.rpartition(".")
    if part:
        given: dict[str, Any] = getattr(generator, part)
        if part == "scheduler" and _own_times(generator):
            return
        if name not in given and (part != "call" or getattr(generator, name, None) is None):
            setattr(generator, part, {**given, name: value})
    elif key == "dtype":
        if generator.dtype is None or isinstance(generator.dtype, dict):
            generator.dtype = {**value, **(generator.dtype or {})}
            generator.dtype = _one(generator.dtype)
    elif getattr(generator, key) is None and key not in generator.call:
        setattr(generator, key, value)


def _own_times(generator: GeneratorConfig) -> bool:
    """Whether the job brings a table of times, for which the settings of the scheduler are not meant."""
    return generator.shift is not None or any(name in generator.call for name in OWN_TIMES)


def _one(parts: dict[str, Any]) -> Any:
    """Parts that have all the same dtype, as that dtype."""
    return parts["default"] if set(parts.values()) == {parts.get("default")} else parts


def rows(generator: GeneratorConfig, card: Card) -> list[Compared]:
    """Every setting of a card beside that of a job."""
    result = []
    for key, stated in card.settings.items():
        value, job = stated.at(generator.height, generator.width), _given(generator, key)
        result.append(Compared(key, stated, value, job, not _same(generator, card, key, value, job)))
    return result


def _given(generator: GeneratorConfig, key: str) -> Any:
    part, _, name = key.rpartition(".")
    if part:
        return getattr(generator, part).get(name)
    own = getattr(generator, key)
    return generator.call.get(key) if own is None else own


def _same(generator: GeneratorConfig, card: Card, key: str, value: Any, job: Any) -> bool:
    if key == "dtype":
        return all(part_dtype(job, part) == part_dtype(value, part) for part in {"default", *_parts(value)})
    if key in ("height", "width"):
        asked = {_given(generator, "height"), _given(generator, "width")}
        usual = card.settings["height"].value, card.settings["width"].value
        return any(asked == {*size} for size in (usual, *card.sizes))
    if key == "num_frames":
        return job in (value, *card.lengths)
    return bool(job == value)


def _parts(dtype: Any) -> tuple[str, ...]:
    return tuple(dtype) if isinstance(dtype, Mapping) else ()


def part_dtype(dtype: Any, part: str) -> str:
    """The dtype of a part of a pipeline: one for all, or that of a mapping of parts with its `default`."""
    name: str = dtype.get(part, dtype.get("default", PLAIN["dtype"])) if isinstance(dtype, Mapping) else dtype
    return name


def notes(generator: GeneratorConfig) -> list[str]:
    """Where a job differs from the card of its model, or that no card is known; nothing where all is as it says."""
    if generator.name != "diffusers" or generator.model in GENERATORS:
        return []
    card = card_of(generator)
    if card is None:
        return [
            f"generator.model={generator.model!r}: no card is known for it, so its dtype, schedule and guidance are "
            "those of the job or of its own files; generator.card=HUB_ID names the model it is or was made from"
        ]
    different = [
        f"{row.key}={shown(row.job)} (card: {shown(row.card)}, {row.stated.source})"
        for row in rows(generator, card)
        if row.differs
    ]
    if not different:
        return []
    return [f"generator: not as the card of {card.name} says: {'; '.join(different)}; raysearch doctor MODEL --card"]


def shown(value: Any, most: int = 60) -> str:
    """A value in a message, cut to a length."""
    text = "not set" if value is None else str(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."
