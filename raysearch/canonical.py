"""Values as canonical JSON, and hashes of it: what keys of Moves, fingerprints and hashes of results are made of.

Floats are written by their exact shortest representation, so that two values have one hash only if they are the same
bit for bit, on every machine.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, cast

__all__ = ["UNKEYED", "decode", "digest", "encode", "keyed"]

UNKEYED = {"keyed": False}  # metadata of a field that enters no key, whatever its value


def digest(value: Any) -> str:
    """128 bits of SHA-256 over canonical JSON; floats enter by their exact shortest representation."""
    text = json.dumps(encode(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def encode(value: Any) -> Any:
    """The value as plain JSON, numpy scalars and arrays included; infinities and NaN become {"float": "nan"}."""
    if value is None or type(value) in (str, int, bool):  # most of all; the other questions take longer
        return value
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    if hasattr(value, "tolist"):  # numpy
        return encode(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"cannot write {value!r} of type {type(value).__name__} as JSON")


def decode(value: Any) -> Any:
    """The inverse of `encode`, except that tuples come back as lists."""
    if isinstance(value, Mapping):
        if set(value) == {"float"}:
            return float(value["float"])
        return {k: decode(v) for k, v in value.items()}
    if isinstance(value, list):
        return [decode(v) for v in value]
    return value


def keyed(part: Any) -> dict[str, Any]:
    """The fields of a dataclass that enter a key: those its `KEYED` names, and later ones unless at their default.

    So a field that is added later, with a default that changes nothing, leaves every key as it was.
    """
    entries, kind = {}, type(part)
    for name, default in _defaults(cast(Hashable, kind)):
        value = getattr(part, name)
        if name in part.KEYED or value != default:
            entries[name] = keyed(value) if is_dataclass(value) else value
    return entries


@cache
def _defaults(kind: Any) -> list[tuple[str, Any]]:
    """The fields of a dataclass with their defaults, without those that enter no key."""
    kept = [f for f in fields(kind) if f.metadata.get("keyed", True)]
    return [(f.name, f.default if f.default_factory is MISSING else f.default_factory()) for f in kept]
