"""The world obeys its laws, every violation breaks one, and pictures and truth measures say what happened."""

import numpy as np
import pytest

from raysearch.tinyworld.heldout import GIVEN, condition
from raysearch.tinyworld.physics import GRAVITY, SIZE, VIOLATIONS, Motion, sample, simulate
from raysearch.tinyworld.render import render
from raysearch.tinyworld.truth import HIGHER_IS_BETTER, LOST, measure, track

N, FRAMES = 64, 25


@pytest.fixture(scope="module", params=["one_ball", "two_balls"])
def world(request):
    scenes = sample(np.random.default_rng(1), N, request.param)
    return scenes, simulate(scenes, FRAMES)


def test_balls_stay_inside_and_fall_freely_between_contacts(world):
    scenes, motion = world
    position, radius = motion.position, scenes.radius[:, None]
    assert (position >= radius[..., None] - 1e-9).all() and (position <= SIZE - radius[..., None] + 1e-9).all()
    acceleration = np.diff(position, n=2, axis=1)[:, :, 0]
    free = np.linalg.norm(acceleration - [0, GRAVITY], axis=-1) < 1e-9
    assert free.mean() > 0.5


def test_energy_never_grows(world):
    scenes, motion = world
    velocity = np.diff(motion.position, axis=1)
    height = SIZE - (motion.position[:, 1:, :, 1] + motion.position[:, :-1, :, 1]) / 2
    mass = scenes.radius[:, None] ** 2 * motion.visible[:, 1:]
    energy = (mass * (0.5 * (velocity**2).sum(-1) + GRAVITY * height)).sum(-1)
    assert (energy[:, 6:].max(1) < 1.02 * energy[:, :3].max(1)).all()


def test_balls_meet_and_do_not_overlap():
    scenes = sample(np.random.default_rng(2), 256, "two_balls")
    motion = simulate(scenes, FRAMES)
    distance = np.linalg.norm(motion.position[:, :, 0] - motion.position[:, :, 1], axis=-1)
    reach = scenes.radius.sum(1)[:, None]
    assert (distance > reach - 0.6).all() and (distance.min(1) < reach[:, 0] + 0.5).mean() > 0.2


def test_the_future_is_determined_and_conditions_are_reproducible():
    a, b = condition("two_balls", 5), condition("two_balls", 5)
    assert (a.video == b.video).all() and a.video.shape == (17, SIZE, SIZE, 3) and a.given.shape[0] == GIVEN
    assert not (a.video == condition("two_balls", 6).video).all()


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_every_violation_shows_after_its_frame_and_not_before(violation):
    scenes = sample(np.random.default_rng(3), N, "two_balls" if violation == "through_ball" else "one_ball")
    at = np.full(N, 10)
    valid = render(scenes, simulate(scenes, FRAMES))
    broken = render(scenes, simulate(scenes, FRAMES, violation, at, np.random.default_rng(4)))
    differ = (valid != broken).any((2, 3, 4))
    if violation == "appear":  # the ball is missing before
        assert differ[:, :10].all() and not differ[:, 10:].any()
        return
    if violation not in ("through_wall", "through_ball"):  # these have no frame: the law is never in force
        assert not differ[:, :10].any()
    expected = {"through_wall": 0.5, "through_ball": 0.2}.get(violation, 0.95)
    assert differ[:, 10:].any(1).mean() >= expected


def test_unknown_names_are_errors():
    with pytest.raises(ValueError, match="three_balls"):
        sample(np.random.default_rng(0), 1, "three_balls")
    with pytest.raises(ValueError, match="warp"):
        simulate(sample(np.random.default_rng(0), 1), 3, "warp")
    with pytest.raises(ValueError, match="did you mean 'two_balls'"):
        condition("two_bals", 0)


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
        ground = render(truth.scenes, Motion(truth.motion.position, 0 * truth.motion.visible, truth.motion.colour))[0]
        empty[GIVEN:] = ground[GIVEN:]
        gone = measure(empty, truth)
        assert gone["trajectory_error"] == LOST and gone["violation"] > exact["violation"]
