"""Held-out conditions."""

from raysearch.tinyworld.heldout import GIVEN, condition
from raysearch.tinyworld.physics import SIZE


def test_the_future_is_determined_and_conditions_are_reproducible():
    a, b = condition("two_balls", 5), condition("two_balls", 5)
    assert (a.video == b.video).all() and a.video.shape == (17, SIZE, SIZE, 3) and a.given.shape[0] == GIVEN
    assert not (a.video == condition("two_balls", 6).video).all()
