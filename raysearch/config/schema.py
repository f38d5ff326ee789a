"""From what a person wrote to typed values, after the annotations of the settings' dataclasses.

A `Written` scalar becomes what is wanted in its place: a text keeps its characters, a number may be spelled in any
usual way. Bounds stand in the annotations, and options.py says in words what may be given. `Any` takes what YAML 1.2
makes of a scalar; NaN and infinities are refused everywhere, since no setting means one.
"""

from __future__ import annotations

import copy
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from raysearch.config.places import As
from raysearch.config.reader import Written
from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.options import KINDS, check_value, fits, words

T = TypeVar("T")
OPTIONS = "options of the strategy are written search.KEY, those of the reward reward.KEY"
YES = {"yes": True, "on": True, "no": False, "off": False}  # where true or false is wanted, these mean nothing else


def partial(values: Mapping[str, Any], schema: type, source: str, prefix: str = "") -> dict[str, Any]:
    """The typed values of those keys that are given, with nested mappings for nested settings.

    Args:
        values: as `reader.read` gives them, or plain values.
        schema: the dataclass with the settings.
        source: file or command line; errors begin with it.
        prefix: of the keys, such as `cluster.`.

    Raises:
        UsageError: for an unknown key, with the nearest, and for a value that cannot be meant.
    """
    hints = hints_of(schema)
    typed = {}
    for key, value in values.items():
        if key not in hints:
            known = dict.fromkeys(f"{prefix}{name}" for name in hints)
            lookup(
                f"{source}: key", f"{prefix}{key}", known, "" if prefix else OPTIONS, _deeper(str(key), schema, prefix)
            )
        if is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise UsageError(f"{source}: {prefix}{key}={plain(value)!r}: expected a mapping of keys")
            typed[key] = partial(value, hints[key], source, f"{prefix}{key}.")
        else:
            typed[key] = convert(value, hints[key], f"{source}: {prefix}{key}")
    return typed


def _deeper(key: str, schema: type, prefix: str) -> list[str]:
    """Where a key stands below the settings in which it was looked for, such as `generator.steps` for `steps`."""
    found = []
    for name, hint in hints_of(schema).items():
        if isinstance(hint, type) and is_dataclass(hint):
            inner = f"{prefix}{name}."
            found += [f"{inner}{key}"] if key in hints_of(hint) else []
            found += _deeper(key, hint, inner)
    return found


def build(schema: Callable[..., T], values: Mapping[str, Any]) -> T:
    """The dataclass of typed values as `partial` gives them; what is not given has its default."""
    hints = hints_of(schema)
    nested = {k: build(hints[k], v) if is_dataclass(hints[k]) else copy.deepcopy(v) for k, v in values.items()}
    return schema(**nested)


def merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Two nested mappings as one: mappings are merged, of anything else the higher one counts."""
    merged = dict(low)
    for key, value in high.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def convert(value: Any, annotation: Any, key: str) -> Any:
    """A value as its annotation wants it.

    Raises:
        UsageError: naming key, value and what may be given.
    """
    if annotation is Any:
        return plain(value, key)
    bare = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    bare = next((m.annotation for m in getattr(annotation, "__metadata__", ()) if isinstance(m, As)), bare)
    members = get_args(bare) if get_origin(bare) in (Union, types.UnionType) else (bare,)
    members = tuple(get_args(m)[0] if get_origin(m) is Annotated else m for m in members)
    if (isinstance(value, Written) and value.value is None) or value is None:
        if type(None) in members or Any in members:
            return None
        raise UsageError(f"{key}: a value is missing; give {words(annotation) or 'one'}")
    typed = next((t for m in members if (t := _as(value, m, key)) is not None), None)
    if typed is None:
        raise _refused(value, annotation, members, key)
    if any(get_origin(m) is Literal for m in members):
        check_value(key, typed, annotation)
    elif not _nested(members) and not fits(typed, annotation):
        raise _refused(value, annotation, members, key)
    return typed


def plain(value: Any, key: str = "") -> Any:
    """Nested values with every scalar as YAML 1.2 reads it. With a key, NaN and infinities are a UsageError."""
    if isinstance(value, Mapping):
        return {str(k): plain(v, f"{key}.{k}" if key else "") for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v, f"{key}[{i}]" if key else "") for i, v in enumerate(value)]
    typed = value.value if isinstance(value, Written) else value
    if key and isinstance(typed, float) and not math.isfinite(typed):
        raise UsageError(f"{key}={value}: give a finite number")
    return typed


@lru_cache(maxsize=64)
def hints_of(schema: type) -> dict[str, Any]:
    """The annotation of every setting, resolved, with bounds."""
    hints = get_type_hints(schema, include_extras=True)
    return {f.name: hints[f.name] for f in fields(schema)} if is_dataclass(schema) else hints


def _as(value: Any, member: Any, key: str) -> Any:
    """The value as one member of an annotation wants it; None if it is none of that kind."""
    origin, inside = get_origin(member), get_args(member)
    if is_typeddict(member):
        hints = hints_of(member)
        if not isinstance(value, Mapping):
            return None
        return {str(k): convert(v, hints.get(str(k), Any), f"{key}.{k}") for k, v in value.items()}
    if member is list or origin is list:
        each = inside[0] if inside else Any
        return (
            [convert(v, each, f"{key}[{i}]") for i, v in enumerate(value)] if isinstance(value, (list, tuple)) else None
        )
    if member is dict or origin is dict:
        each = inside[1] if inside else Any
        return (
            {str(k): convert(v, each, f"{key}.{k}") for k, v in value.items()} if isinstance(value, Mapping) else None
        )
    if member is str or (origin is Literal and all(isinstance(choice, str) for choice in inside)):
        return str(value) if isinstance(value, str) else None
    typed = value.value if isinstance(value, Written) else value
    if origin is Literal:
        return typed
    if member is bool:
        typed = YES.get(value.lower(), typed) if isinstance(value, Written) else typed
        return typed if isinstance(typed, bool) else None
    number = isinstance(typed, (int, float)) and not isinstance(typed, bool)
    if member is int:
        return int(typed) if number and math.isfinite(typed) and typed == int(typed) else None
    if member is float:
        return _float(typed) if number else None
    return None


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _nested(members: tuple[Any, ...]) -> bool:
    """Whether the members of an annotation have been checked one by one already."""
    return any(is_typeddict(m) or m is dict or get_origin(m) in (dict, list) for m in members)


def _refused(value: Any, annotation: Any, members: tuple[Any, ...], key: str) -> UsageError:
    shown = str(value) if isinstance(value, Written) else repr(plain(value))
    shown = repr(str(value)) if isinstance(value, str) and isinstance(plain(value), str) else shown
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    if any(m is list or get_origin(m) is list for m in members):
        return UsageError(f"{key}: give a list, e.g. {key.rpartition(': ')[2]}=[one,two]")
    wanted = (
        "a mapping of keys" if any(is_typeddict(m) or get_origin(m) is dict for m in members) else words(annotation)
    )
    quotes = isinstance(value, str) and not isinstance(value, Written) and any(m in KINDS for m in members)
    numbers = str in members and not isinstance(value, (str, Mapping, list))
    remedy = ", without quotes" if quotes else ", in quotes" if numbers else ""
    several = "; raysearch sweep takes several values" if isinstance(value, Written) and "," in value else ""
    return UsageError(f"{key}={shown}: give {wanted or 'another value'}{remedy}{several}")
