"""Training clips."""

from pathlib import Path

import numpy as np
import torch

import raysearch.tinyworld.codec  # noqa: F401
from raysearch.tinyworld import weights
from raysearch.tinyworld.physics import sample, simulate
from raysearch.tinyworld.train.data import clips, with_meetings


def test_balls_meet_in_the_clips_chosen_for_it():
    def met(share: float) -> float:
        rng = np.random.default_rng(4)
        scenes = with_meetings(rng, sample(rng, 64, "two_balls"), share, 3, 20)
        apart = simulate(scenes, 20).position - simulate(scenes, 20, "through_ball").position
        first = (np.abs(apart).max((2, 3)) > 0.1).argmax(1)
        return float(((first >= 6) & (first < 19)).mean())

    assert met(0.0) < 0.6
    assert met(1.0) == 1.0


def test_training_data_depends_on_the_step_alone():
    a, b = clips(1, 7, 4, 17), clips(1, 7, 4, 17)
    assert torch.equal(a[0], b[0]) and a[1] == b[1]
    assert not torch.equal(a[0], clips(1, 8, 4, 17)[0])
    assert Path(weights("generator")).is_dir()
