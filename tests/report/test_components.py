"""What pages are made of."""

import math

from raysearch.report import components


def test_settings_are_listed_by_their_dotted_keys():
    config = {
        "seed": 0,
        "search": {"name": "smc", "guide": None, "kernel": {"eta": 0.5}},
        "watch": [],
        "x": {},
        "y": True,
    }
    assert list(components.flat(config)) == [
        ("seed", "0"), ("search.name", "smc"), ("search.guide", "null"), ("search.kernel.eta", "0.5"), ("watch", "[]"),
        ("x", "{}"), ("y", "true"),
    ]  # fmt: skip


def test_an_interval_that_is_not_known_is_a_dash():
    assert components.range_of(1.0, 2.0, 1, sign=True) == "+1.0 to +2.0"
    assert components.range_of(math.nan, 2.0) == "\u2013"


def test_tables_sort_and_search_only_where_asked():
    plain, full = (components.grid(["a"], [["x"]], "t", **o) for o in ({}, {"sort": True, "find": "Find"}))
    assert "sort" not in plain and "search" not in plain
    assert 'class="sort"' in full and 'type="search"' in full and 'placeholder="Find"' in full
