"""Look a name up in a table; an unknown one is an error that says which name is nearest."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
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
