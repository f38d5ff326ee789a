"""The tiny world at 24 frames per second."""

import numpy as np
import torch

from raysearch.generators.magi1.train.clips import LONGEST, films, still, tiles
from raysearch.tinyworld.physics import sample, simulate, simulate_finely


def test_every_third_picture_is_about_the_world_at_8_frames_per_second():
    scenes = sample(np.random.default_rng(0), 16, "one_ball")
    fine, coarse = simulate_finely(scenes, 48).position[:, ::3, 0], simulate(scenes, 16).position[:, :, 0]
    assert np.linalg.norm(fine - coarse, axis=-1)[:, :8].mean() < 0.3  # px; integrated with 3 steps in place of 4
    assert np.abs(np.diff(simulate_finely(scenes, 48).position, axis=1)).max() < 2


def test_clips_depend_on_the_step_alone():
    assert torch.equal(tiles(1, 5, 3, 12), tiles(1, 5, 3, 12)) and not torch.equal(
        tiles(1, 5, 3, 12), tiles(1, 6, 3, 12)
    )
    assert tiles(1, 5, 3, 12).shape == (3, 3, 12, 32, 32)


def test_films_are_whole_scenes_with_their_prompts():
    video, prompts, scenes = films(1, 0, 4)
    assert video.shape == (4, 3, LONGEST, 32, 32) and still(video).shape == (4, 3, 1, 32, 32)
    assert [p == "two balls" for p in prompts] == (scenes.balls == 2).tolist()
    assert (video[:, :, 0] - video[:, :, 24]).abs().amax((1, 2, 3)).min() > 0.2, "balls move"
