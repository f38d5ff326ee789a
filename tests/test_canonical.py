"""Canonical JSON: what has one hash, what comes back, and fields that enter no key."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest

from raysearch.canonical import UNKEYED, decode, digest, encode, keyed


def test_the_same_values_have_the_same_hash_whatever_holds_them():
    plain = {"a": [1, 0.1, True, None, "x"], "b": {"c": 2}}
    same = {"b": {"c": np.int64(2)}, "a": (np.int32(1), np.float64(0.1), np.True_, None, "x")}
    assert digest(plain) == digest(same) and len(digest(plain)) == 32
    assert digest(np.arange(3.0)) == digest([0.0, 1.0, 2.0])
    assert digest(0.1) != digest(math.nextafter(0.1, 1)) and digest(1) != digest(1.0) and digest(True) != digest(1)


def test_infinities_and_nan_come_back():
    values = [math.inf, -math.inf, {"deep": math.nan}]
    back = decode(encode(values))
    assert back[:2] == values[:2] and math.isnan(back[2]["deep"])


def test_what_is_no_value_is_refused():
    with pytest.raises(TypeError, match="of type object"):
        encode({"a": object()})


@dataclass
class Part:
    KEYED: ClassVar[tuple[str, ...]] = ("first",)
    first: int = 1
    later: list[int] = field(default_factory=list)
    never: int = field(default=0, metadata=UNKEYED)


@dataclass
class Whole:
    KEYED: ClassVar[tuple[str, ...]] = ("part",)
    part: Part = field(default_factory=Part)


def test_later_fields_enter_a_key_where_they_are_set():
    assert keyed(Part()) == {"first": 1} == keyed(Part(never=5))
    assert keyed(Part(later=[2])) == {"first": 1, "later": [2]}
    assert keyed(Whole()) == {"part": {"first": 1}}
