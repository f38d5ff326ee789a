"""Options read from signatures, annotations and `Args:` sections, and held against what a person wrote."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Le

from raysearch.errors import UsageError
from raysearch.moves import Kernel
from raysearch.options import (
    REQUIRED,
    Choice,
    Count,
    Fraction,
    NonNegative,
    Positive,
    PositiveFraction,
    Window,
    arguments,
    check,
    check_value,
    describe,
    fits,
    words,
)


def example(seed: int, *, n: Count = 16, rise: Literal["constant", "linear"] = "constant", reads: Sequence[Fraction],
            last: Count | None = None):  # fmt: skip
    """Do something to a population.

    More is said here. n: this is no option text.

    Args:
        n: the number of particles;
            it must be said in a second line.
        rise (str): how lambda rises.

    Returns:
        n: nothing.

    Paper: Somebody 2024, arXiv 0000.00000
    """


EXAMPLE = describe(example, without=("seed",))


def test_a_part_describes_itself():
    assert (EXAMPLE.name, EXAMPLE.summary) == ("example", "Do something to a population.")
    assert EXAMPLE.paper == "Somebody 2024, arXiv 0000.00000"
    assert list(EXAMPLE.options) == ["n", "rise", "reads", "last"]
    n, rise = EXAMPLE.options["n"], EXAMPLE.options["rise"]
    assert n.meaning == "the number of particles; it must be said in a second line."
    assert (n.default, n.values) == (16, "a whole number of at least 1")
    assert (rise.meaning, rise.values) == ("how lambda rises.", "constant or linear")
    assert EXAMPLE.options["reads"].default is REQUIRED
    assert EXAMPLE.options["last"].meaning == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"m": 4}, "search: option of example 'm' is unknown; There are: n, "),
        ({"n": 0, "reads": []}, "search.n=0: give a whole number of at least 1"),
        ({"n": True, "reads": []}, "search.n=True: give a whole number of at least 1"),
        ({"n": "1,2", "reads": []}, "search.n='1,2': give a whole number of at least 1; raysearch sweep takes several"),
        ({"rise": "lineer", "reads": []}, "search.rise: 'lineer' is unknown; did you mean 'linear'?"),
        ({"rise": 3, "reads": []}, "search.rise=3: give constant or linear"),
        ({"reads": [0.5, 2]}, "search.reads=[0.5, 2]: give a list of numbers in [0, 1]"),
        ({"n": 4}, "search.reads is missing; example needs it, a list of numbers in [0, 1]"),
    ],
)
def test_what_cannot_be_meant_is_one_line_with_key_value_and_remedy(given, message):
    with pytest.raises(UsageError) as error:
        check(EXAMPLE, given, "search")
    assert str(error.value).startswith(message)


def test_what_can_be_meant_passes_unchanged():
    given = {"n": 4, "rise": "linear", "reads": [0, 1], "last": None}
    check(EXAMPLE, given, "search")
    assert given == {"n": 4, "rise": "linear", "reads": [0, 1], "last": None}


@pytest.mark.parametrize(
    ("annotation", "good", "bad", "said"),
    [
        (Count, [1, 10**30], [0, True, 1.0, "1", None], "a whole number of at least 1"),
        (Positive, [1, 0.5], [0, -1, float("nan"), float("inf"), True], "a number above 0"),
        (NonNegative, [0], [-0.1, float("inf")], "a number of at least 0"),
        (PositiveFraction, [1], [0, 1.01], "a number in (0, 1]"),
        (Count | None, [None, 3], [0], "a whole number of at least 1 or null"),
        (Window, [[0.1, 0.2], (0, 1)], [[0.1], [0, 2], [0.5, 0.2], 0.5], "two fractions of the steps, [start, end]"),
        (Mapping[str, float], [{"a": 1}], [{"a": "x"}, [1]], "a mapping to numbers"),
        (Sequence[str], [["a"]], ["a", [1]], "a list of texts"),
        (Annotated[str, Choice(("a", "b"))], ["a"], [1, None], "a or b"),
        (Literal["a", "b"] | None, ["a", None], ["c", 1], "a or b or null"),
        (Annotated[Literal["a"] | None, "not shown"], ["a", None], ["b"], "a or null"),
        (Literal[1, 2], [1, 2], ["1", 3, None], "1 or 2"),
        (Annotated[int, Le(3)], [3], [4], "a whole number of at most 3"),
        (Annotated[int, Ge(1), Le(3)], [1], [0, 4], "a whole number in [1, 3]"),
        (bool, [True], [1, "true"], "true or false"),
        (Any, [object()], [], ""),
        (Kernel, [Kernel()], ["ode", {"name": "ode"}, None], ""),
        (Kernel | None, [Kernel(), None], ["ode"], "null"),
    ],
)
def test_values(annotation, good, bad, said):
    assert all(fits(value, annotation) for value in good)
    assert not any(fits(value, annotation) for value in bad)
    assert words(annotation) == said


def test_a_docstring_without_a_section_explains_nothing():
    assert arguments("Do.\n\nn: particles") == {}


def test_a_choice_names_the_nearest_name():
    with pytest.raises(UsageError, match=r"search\.scheme: 'lft' is unknown; did you mean 'left'"):
        check_value("search.scheme", "lft", Annotated[str, Choice(("left", "right"))])
    check_value("search.scheme", "left", Annotated[str, Choice(("left", "right"))])


@pytest.mark.parametrize("value", ["1", 3, True])
def test_a_choice_of_numbers_takes_numbers_alone(value):
    with pytest.raises(UsageError, match=r"search\.order=.*: give 1 or 2"):
        check_value("search.order", value, Literal[1, 2])
    check_value("search.order", 2, Literal[1, 2])
