"""Look a name up in a table, where an unknown one is an error that suggests the nearest; or import a custom one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TypeVar

from raysearch.errors import UsageError

T = TypeVar("T")
LONGEST = 80  # characters of a name that an error shows
NEAR = 0.65  # share of matching characters from which another name is suggested


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant; None if nothing is near.

    Case and the difference between - and _ do not count. Otherwise a name is near if the share of characters that match
    in order is at least NEAR, or if a single character of a name of the same length is another.
    """
    plain = {other: _plain(other) for other in names}
    wanted = _plain(name)
    share = {other: difflib.SequenceMatcher(None, wanted, text).ratio() for other, text in plain.items()}
    near = [o for o, text in plain.items() if share[o] >= NEAR or _one_apart(wanted, text)]
    return max(near, key=share.__getitem__, default=None)


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_")


def _one_apart(a: str, b: str) -> bool:
    return len(a) == len(b) > 1 and sum(x != y for x, y in zip(a, b, strict=True)) == 1


def lookup(kind: str, name: str, table: Mapping[str, T], remedy: str = "", meant: Sequence[str] = ()) -> T:
    """The entry of a table.

    Args:
        kind: what the names name, such as `strategy`; errors begin with it.
        name: the name.
        table: entries by name.
        remedy: a further sentence for the error.
        meant: what is suggested instead of the nearest name of the table, if anything.

    Raises:
        UsageError: naming kind and value, a near name if there is one, all names and the remedy.
    """
    if name in table:
        return table[name]
    shown = name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."
    near = nearest(shown, table)
    suggested = list(meant) or ([near] if near else [])
    guess = f"did you mean {' or '.join(map(repr, suggested))}? " if suggested else ""
    message = f"{kind} {shown!r} is unknown; {guess}There are: {', '.join(table) or 'none'}"
    raise UsageError(f"{message}; {remedy}" if remedy else message)


def find(kind: str, name: str, table: Mapping[str, T], remedy: str = "") -> T:
    """table[name], or what a custom name `package.module:attribute` refers to, which is imported.

    Raises:
        UsageError: for an unknown name, as `lookup`, and for a module or attribute that cannot be imported.
    """
    if ":" not in name:
        return lookup(kind, name, table, remedy)
    module, _, attribute = name.partition(":")
    try:
        part: T = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise UsageError(
            f"{kind} {name!r}: {error}; give {', '.join(table)}, or package.module:name that can be imported"
        ) from None
    return part
