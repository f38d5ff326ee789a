"""The cards of models: how their makers ask for them to be run. One file per family, found by itself.

A file in this folder may define `CARDS`, a tuple of `card.Card`. Adding a model takes an entry there and nothing else:
jobs are filled from it, `raysearch doctor MODEL --card` prints it, and docs/cards.md is written from it. Importing this
loads no other library.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import PurePath

from raysearch.cards.card import BySize, Card, Stated, Values, stated
from raysearch.names import lookup

__all__ = ["CARDS", "BySize", "Card", "Stated", "Values", "find", "stated"]


def _cards() -> dict[str, Card]:
    """Every card by each of its models. Raises ValueError for a model with two cards."""
    table: dict[str, Card] = {}
    for file in sorted(pkgutil.iter_modules(__path__), key=lambda file: file.name):
        for card in getattr(import_module(f"{__name__}.{file.name}"), "CARDS", ()):
            if twice := table.keys() & set(card.models):
                raise ValueError(f"raysearch/cards/{file.name}.py: {sorted(twice)[0]} has two cards")
            table |= dict.fromkeys(card.models, card)
    return table


CARDS: dict[str, Card] = _cards()
_LAST = {name.rpartition("/")[2].lower(): card for name, card in CARDS.items()}


def find(model: str, named: str | None = None) -> Card | None:
    """The card of a model.

    Args:
        model: a hub id, or a folder, of which a part of the path has the name of a model (as in the hub's own cache).
        named: the hub id of the model whose card holds, where the name of the folder does not tell it.

    Returns:
        None where no card is known.

    Raises:
        UsageError: for a `named` that has no card.
    """
    if named is not None:
        return lookup("generator.card: card", named, CARDS)
    if model in CARDS:
        return CARDS[model]
    parts = [part.rpartition("--")[2].lower() for part in PurePath(model).parts[::-1]]
    return next((_LAST[part] for part in parts if part in _LAST), None)
