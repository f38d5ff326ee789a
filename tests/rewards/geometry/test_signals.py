"""Names and weights of signals."""

from raysearch.rewards.geometry.signals import weights_of


def test_one_several_or_weighted():
    assert weights_of("jump") == {"jump": 1.0} and weights_of(["jump", "angle"]) == {"jump": 1.0, "angle": 1.0}
    assert weights_of({"jump": 2, "angle": 0}) == {"jump": 2, "angle": 0}
