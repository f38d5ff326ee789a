"""Best and worst scenes: masks in three colours."""

import numpy as np

from raysearch.evals.physics_iq.challenge import scenes
from raysearch.evals.physics_iq.metrics import Reduced


def reduced(where):
    mask = np.zeros((2, 4, 6), bool)
    mask[1][where] = True
    frames = [np.full((4, 6, 3), 100, np.uint8)] * 2
    return Reduced(frames, np.packbits(mask.reshape(2, -1), axis=1), mask.sum(0).ravel().astype(np.int16))


def test_masks_tell_real_made_and_both_apart():
    drawn = scenes.masks(reduced(np.s_[0, :3]), reduced(np.s_[0, 2:5]), (6, 4))
    assert [tuple(p) for p in drawn[1, 0]] == [
        scenes.REAL, scenes.REAL, scenes.BOTH, scenes.MADE, scenes.MADE, (35, 35, 35),
    ]  # fmt: skip
    assert (drawn[0] == 35).all()
