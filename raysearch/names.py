"""Look a name up in a table, where an unknown one is an error that suggests the nearest; or import a custom one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import TypeVar

from raysearch.errors import UsageError

T = TypeVar("T")


def lookup(kind: str, name: str, table: Mapping[str, T], remedy: str = "") -> T:
    """table[name]. Raises UsageError (a ValueError) naming `kind`, the value, the nearest name, all names, a remedy."""
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1, cutoff=0.0)[0]
    told = f"{kind} {name!r} is unknown; did you mean {near!r}? There are: {', '.join(table)}"
    raise UsageError(f"{told}; {remedy}" if remedy else told)


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
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"{kind} {name!r}: {error}; give {', '.join(table)}, or package.module:name that can be imported"
        ) from None
    return part
