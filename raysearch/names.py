"""Look a name up in a table; an unknown one is an error that says which name is nearest."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from raysearch.errors import UsageError

T = TypeVar("T")


def lookup(kind: str, name: str, table: Mapping[str, T]) -> T:
    """table[name]. Raises UsageError (a ValueError) naming `kind`, the value, the nearest name and all names."""
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1, cutoff=0.0)[0]
    raise UsageError(f"{kind} {name!r} is unknown; did you mean {near!r}? There are: {', '.join(table)}")
