"""Looking names up: an unknown one is an error that suggests the nearest, a custom one is imported."""

import pytest

from raysearch.errors import UsageError
from raysearch.names import find, lookup, nearest


def test_an_unknown_name_suggests_the_nearest_and_lists_all():
    assert lookup("colour", "red", {"red": 1}) == 1
    with pytest.raises(UsageError, match=r"'rod' is unknown; did you mean 'red'\? There are: red, blue; paint it"):
        lookup("colour", "rod", {"red": 1, "blue": 2}, "paint it")


def test_a_custom_name_is_imported_and_one_that_cannot_be_is_named():
    assert find("colour", "math:pi", {"red": 1}) == pytest.approx(3.14159, abs=1e-5)
    assert find("colour", "red", {"red": 1}) == 1
    for name in ("no_such_module:x", "math:no_such_name", ":x"):
        with pytest.raises(UsageError, match=rf"colour {name!r}: .*; give red, or package.module:name"):
            find("colour", name, {"red": 1})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SMC", "smc"), ("best-of-n", "best_of_n"), ("bst_of_n", "best_of_n"), ("bf16", "bfloat16"), ("l2", "l1"),
        ("partcles", None), ("m", None), ("n", None), ("", None), ("something else altogether", None),
    ],
)  # fmt: skip
def test_only_what_is_near_is_suggested(name, meant):
    assert nearest(name, ["smc", "best_of_n", "bfloat16", "l1", "searches", "k"]) == meant


def test_the_caller_may_know_better():
    with pytest.raises(UsageError, match=r"'steps' is unknown; did you mean 'generator.steps' or 'plan.steps'\? There"):
        lookup("key", "steps", {"stops": 1}, meant=["generator.steps", "plan.steps"])
