"""Measures of the truth say what happened."""

import numpy as np
import pytest

from raysearch.tinyworld.heldout import GIVEN, condition
from raysearch.tinyworld.physics import Trajectories
from raysearch.tinyworld.render import render
from raysearch.tinyworld.truth import HIGHER_IS_BETTER, LOST, measure, track


@pytest.mark.parametrize("scene", ["one_ball", "two_balls"])
def test_tracking_finds_the_balls(scene):
    errors = []
    for seed in range(20):
        truth = condition(scene, seed)
        balls = 1 if scene == "one_ball" else 2
        centre, _ = track(truth.video / np.float32(255), truth.scenes)
        errors.append(np.abs(centre - truth.motion.position[0, :, :balls]).mean())
    assert np.mean(errors) < 0.1


def test_measures_of_the_truth_of_a_frozen_and_of_an_empty_video():
    for seed in range(4):
        truth = condition("one_ball", seed)
        exact = measure(truth.video, truth)
        assert exact["trajectory_error"] < 0.1 and exact["mse"] == 0
        assert all(exact[name] == 1 for name in HIGHER_IS_BETTER)
        frozen = truth.video.copy()
        frozen[GIVEN:] = frozen[GIVEN - 1]
        still = measure(frozen, truth)
        assert still["trajectory_error"] > 1 and still["spatiotemporal_iou"] < 0.2
        empty = truth.video.copy()
        ground = render(
            truth.scenes, Trajectories(truth.motion.position, 0 * truth.motion.visible, truth.motion.colour)
        )[0]
        empty[GIVEN:] = ground[GIVEN:]
        gone = measure(empty, truth)
        assert gone["trajectory_error"] == LOST and gone["violation"] > exact["violation"]


def test_a_fine_video_is_measured_by_the_frames_of_the_world():
    truth = condition("one_ball", 3, 24.0)
    exact = measure(truth.video, truth)
    assert exact["trajectory_error"] < 0.1 and exact["violation"] < 0.2
    frozen = truth.video.copy()
    frozen[truth.count :] = frozen[truth.count - 1]
    still = measure(frozen, truth)
    assert still["trajectory_error"] > 1 and still["spatiotemporal_iou"] < 0.2
    flawed = truth.video.copy()
    flawed[25::3] = 0  # pictures between the frames of the world
    assert measure(flawed, truth) == exact
