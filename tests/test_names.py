"""What options mean: one sentence of a docstring each, and none of raysearch's own is without."""

import pytest

from raysearch.errors import UsageError
from raysearch.names import find, kind, lookup, meanings
from raysearch.rewards import catalogue

DOC = """Summary, where n: is no option.

    n: how many, e.g. 3; or
    `budget`. keep: a share, in (0, 1]; more of it: not an option. This is left out.
    last:
      on a line of its own
    Raises ValueError: never.

    A paragraph. back: far.
    Paper: of n: none
    """


def test_a_meaning_is_the_sentence_behind_the_name():
    assert meanings(["n", "keep", "last", "back", "gone"], None, DOC, "gone: from the second. n: not again") == {
        "n": "how many, e.g. 3; or `budget`", "keep": "a share, in (0, 1]; more of it: not an option",
        "last": "on a line of its own", "back": "far", "gone": "from the second",
    }  # fmt: skip
    assert meanings([], DOC) == {}


@pytest.mark.parametrize("d", catalogue.describe(), ids=lambda d: d.name)
def test_every_option_of_a_reward_has_a_meaning(d):
    assert set(d.meanings) == set(d.kinds) == set(d.options)
    silent = [option for option, meaning in d.meanings.items() if len(meaning.split()) < 3]
    assert not silent, f"{d.name}: write `{silent[0]}: what it does.` into its docstring"
    assert not [m for m in d.meanings.values() if "Paper:" in m or "Raises" in m or len(m) > 240]


def test_kinds_are_those_of_the_parameters():
    assert kind(float) == "number" and kind("int | Sequence[int]") == "whole number or list of whole numbers"
    assert kind("Literal['mean', 'max']") == "mean or max" and kind("torch.Tensor") == ""


def test_an_unknown_name_is_one_line_with_the_nearest():
    with pytest.raises(UsageError, match=r"colour 'rad' is unknown; did you mean 'red'.* red, blue; look"):
        lookup("colour", "rad", {"red": 1, "blue": 2}, "look")


def test_a_custom_name_is_imported_and_one_that_cannot_be_is_named():
    assert find("colour", "math:pi", {"red": 1}) == pytest.approx(3.14159, abs=1e-5)
    assert find("colour", "red", {"red": 1}) == 1
    for name in ("no_such_module:x", "math:no_such_name", ":x"):
        with pytest.raises(UsageError, match=rf"colour {name!r}: .*; give red, or package.module:name"):
            find("colour", name, {"red": 1})
