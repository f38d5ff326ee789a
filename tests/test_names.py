"""What options mean: one sentence of a docstring each, and none of raysearch's own is without."""

import pytest

from raysearch.errors import UsageError
from raysearch.moves import KERNELS
from raysearch.names import kind, lookup, meanings
from raysearch.search import STRATEGIES, describe
from raysearch.search.guides import PRESETS
from raysearch.search.resampling import SCHEMES
from raysearch.search.smc import POTENTIALS

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


@pytest.mark.parametrize("d", describe(), ids=lambda d: d.name)
def test_every_option_has_a_meaning(d):
    assert set(d.meanings) == set(d.kinds) == set(d.options)
    silent = [option for option, meaning in d.meanings.items() if len(meaning.split()) < 3]
    assert not silent, f"{d.name}: write `{silent[0]}: what it does.` into its docstring"
    assert not [m for m in d.meanings.values() if "Paper:" in m or "Raises" in m or len(m) > 240]


def test_choices_are_told_in_full():
    """Names that live in tables are repeated in prose; a new one must be added there."""
    of = {d.name: d.meanings for d in describe()}
    assert all(name in of["smc"]["scheme"] for name in SCHEMES)
    assert all(name in of["smc"]["potential"] for name in POTENTIALS)
    assert all(name in of[s]["kernel"] for name in KERNELS for s in STRATEGIES)
    assert all(name in of[s]["guide"] for name in PRESETS for s in STRATEGIES)


def test_kinds_are_those_of_the_parameters():
    kinds = {d.name: d.kinds for d in describe()}
    assert kinds["smc"]["n"] == "whole number" and kinds["smc"]["reads"] == "list of numbers"
    assert kinds["smc"]["prune"] == "true or false" and kinds["smc"]["last"] == "whole number"
    assert kind(float) == "number" and kind("int | Sequence[int]") == "whole number or list of whole numbers"
    assert kind("Literal['mean', 'max']") == "mean or max" and kind("torch.Tensor") == ""


def test_an_unknown_name_is_one_line_with_the_nearest():
    with pytest.raises(UsageError, match=r"colour 'rad' is unknown; did you mean 'red'.* red, blue; look"):
        lookup("colour", "rad", {"red": 1, "blue": 2}, "look")
