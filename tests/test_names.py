"""Looking names up: an unknown one is an error that suggests the nearest, a custom one is imported."""

import pytest

from raysearch.errors import UsageError
from raysearch.names import find, lookup


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
