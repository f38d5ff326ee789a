"""Prints docs/cards.md: `make cards-page`. What a run uses is asked of the code that fills a job."""

from __future__ import annotations

from typing import Any

from raysearch import config
from raysearch.cards import CARDS, BySize, Card
from raysearch.config import by_card

HEAD = """\
# Cards

What the maker of each model asks for, where it says so, and what a run uses that says nothing else: `steps`, guidance,
dtypes, the scheduler, sizes, frame rate and decoder by the keys that stand below `generator` in a job. Where sources
disagree, the last column says what else is asked for and why it was not chosen. Written by `make cards-page` from
`raysearch/cards/`; values were read on 2026-11-26 in diffusers 0.42.1 and in the makers' repositories at the commits
named. Nobody has compared the films of two sources here: a choice follows the makers, not a measurement.

A job that differs is told so once at the start, and `raysearch doctor MODEL --card [key=value ...]` prints its settings
beside the card's without loading anything.
"""
LONGEST = 48  # of a value in the table


def page() -> str:
    """The page, as it is committed."""
    return "\n".join([HEAD, *(section(card) for card in {card.name: card for card in CARDS.values()}.values())])


def section(card: Card) -> str:
    """One card as a heading and a table."""
    job = config.typed({"generator": {"model": card.name}}, "the page").generator
    rows = [
        f"| `{row.key}` | {_shown(row.stated.value)} | {row.stated.source} | {_shown(row.job)} | {_why(row.stated)} |"
        for row in by_card.rows(job, card)
    ]
    rows += [f"| {key} | {_shown(said.value)} | {said.source} | - | {_why(said)} |" for key, said in card.facts.items()]
    sizes = ", ".join(f"{h} x {w}" for h, w in card.sizes)
    lengths = ", ".join(map(str, card.lengths))
    also = [f"also {sizes} (height x width)" if sizes else "", f"also {lengths} frames" if lengths else ""]
    named = ", ".join(f"`{model}`" for model in card.models)
    return "\n".join(
        [f"## {card.name.rpartition('/')[2]}", "", f"{named}: `{card.pipeline}`" + "".join(f"; {a}" for a in also if a),
         "", "| setting | card | source | a run uses | other sources |", "| --- | --- | --- | --- | --- |", *rows, ""]
    )  # fmt: skip


def _why(said: Any) -> str:
    return "; ".join(filter(None, (said.others, f"chosen: {said.why}" if said.why else "")))


def _shown(value: Any) -> str:
    if isinstance(value, BySize):
        return f"{value.small} at 480p, {value.large} at 720p"
    if isinstance(value, dict):
        return ", ".join(f"{part} {dtype}" for part, dtype in value.items())
    return by_card.shown(value, LONGEST).replace("|", "/")


if __name__ == "__main__":
    print(page(), end="")
