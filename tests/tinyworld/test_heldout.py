"""Held-out conditions."""

from raysearch.tinyworld.heldout import GIVEN, condition
from raysearch.tinyworld.physics import SIZE


def test_the_future_is_determined_and_conditions_are_reproducible():
    a, b = condition("two_balls", 5), condition("two_balls", 5)
    assert (a.video == b.video).all() and a.video.shape == (17, SIZE, SIZE, 3) and a.given.shape[0] == GIVEN
    assert not (a.video == condition("two_balls", 6).video).all()


def test_a_scene_at_24_frames_per_second_is_the_same_world_seen_finely():
    coarse, fine = condition("two_balls", 5), condition("two_balls", 5, 24.0)
    assert fine.video.shape == (96, SIZE, SIZE, 3) and fine.given.shape[0] == 24 and fine.pictures == 3
    seen = fine.seen()
    assert seen.video.shape[0] == 32 and seen.count == 8 and seen.seen() is seen
    assert (seen.video == fine.video[::3]).all()
    apart = abs(seen.motion.position[0, :5] - coarse.motion.position[0, :5]).max()
    assert apart < 0.5  # px; the steps of the integration differ, so that they drift apart after a few bounces
    assert (coarse.video == condition("two_balls", 5, 16.0).video).all()
