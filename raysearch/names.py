"""Look a name up in a table, where an unknown one is an error that suggests the nearest; or import a custom one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import TypeVar

from raysearch.errors import UsageError

T = TypeVar("T")
LONGEST = 80  # characters of a name that an error shows


def lookup(kind: str, name: str, table: Mapping[str, T], remedy: str = "") -> T:
    """The entry of a table.

    Args:
        kind: what the names name, such as `strategy`; errors begin with it.
        name: the name.
        table: entries by name.
        remedy: a further sentence for the error.

    Raises:
        UsageError: naming kind and value, the nearest name, all names and the remedy.
    """
    if name in table:
        return table[name]
    shown = name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."
    near = difflib.get_close_matches(shown, table, n=1, cutoff=0.0)
    guess = f"did you mean {near[0]!r}? " if near else ""
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
