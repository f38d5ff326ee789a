"""The world obeys its laws, and every violation breaks one."""

import numpy as np
import pytest

from raysearch.tinyworld.heldout import condition
from raysearch.tinyworld.physics import GRAVITY, SIZE, VIOLATIONS, sample, simulate
from raysearch.tinyworld.render import render

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
