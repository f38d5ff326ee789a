"""Where a video breaks: thresholds, the place and the time, and that the score is the inner one from one call."""

import numpy as np
import pytest

from raysearch import rewards, videos
from raysearch.errors import UsageError
from raysearch.rewards.base import Reward, Scores, SurpriseMap
from raysearch.rewards.breaks import Breaks, located, surprise, threshold
from raysearch.tinyworld.physics import sample, simulate
from raysearch.tinyworld.render import render
from tests.rewards.case import PLAIN

INNER = {"name": "vjepa2", "context": 6, "label": "world"}


def film(violation=None, at=10, frames=16, seed=0):
    scenes = sample(np.random.default_rng(seed), 1, "one_ball")
    return render(scenes, simulate(scenes, frames, violation, at=at))[0]


def mapped(rows):
    """A map of 2 x 2 patches whose most surprising one is the lower left."""
    values = np.zeros((len(rows), 2, 2), np.float32)
    values[:, 1, 0] = rows
    values[np.isnan(values[:, 1, 0])] = np.nan
    return SurpriseMap(values, (0, 0, 8, 8))


class Counting(Reward):
    """A reward with a map that counts how often it looks at a video."""

    maps, size = True, 8

    def __init__(self):
        self.looked = 0

    def score_with_map(self, view, fps=None):
        self.looked += 1
        return Scores(0.5, {"surprise_0": 0.5}), mapped([np.nan, 0.1, 0.1, 0.9, 0.2])


def test_the_first_frame_above_the_threshold_in_the_call_that_scores():
    inner = Counting()
    scores = Breaks("world", inner, 0.3, worst=1).score(np.zeros((5, 8, 8, 3), np.uint8), PLAIN)
    assert scores.value == 0.5 and inner.looked == 1
    d = scores.details
    assert (d["break"], d["frames"], d["above"], d["row"], d["column"]) == (3, 5, 0.3, 0.75, 0.25)
    assert d["frame_3"] == pytest.approx(0.9) and "frame_0" not in d and d["world"] == d["world.surprise_0"] == 0.5
    assert Breaks("w", inner, [0.0, 0.05, 1.0], 1).score(None, PLAIN).details["break"] == 1, "one threshold a frame"
    whole = Breaks("w", inner, 1.0, 1).score(None, PLAIN).details
    assert whole["break"] == whole["frames"] == 5


def test_the_surprise_of_a_frame_is_that_of_its_worst_patches():
    found = SurpriseMap(np.array([[[0.1, 0.5], [0.3, np.nan]], [[np.nan] * 2] * 2], np.float32), (0, 0, 8, 8))
    assert surprise(found, 2)[0] == pytest.approx(0.4) and surprise(found, 9)[0] == pytest.approx(0.3)
    assert np.isnan(surprise(found)[1])
    assert located(SurpriseMap(found.values[1:], (0, 0, 8, 8)), np.array([0.1])) == {"break": 1.0, "frames": 1.0}


def test_thresholds_from_good_clips():
    curves = [np.array([np.nan, 0.1, 0.2]), np.array([np.nan, 0.3, 0.4, 0.9])]
    assert threshold(curves, 1.0, 2.0, False) == [1.8]
    assert threshold(curves, 1.0, 1.0, True) == [0.3, 0.3, 0.4, 0.9]
    assert threshold(curves, 0.5, 1.0, True)[1] == pytest.approx(0.2)
    with pytest.raises(UsageError, match="no clip there is long enough"):
        threshold([np.array([np.nan])], 0.95, 1.0, False)


def test_a_jump_is_found_where_it_is_with_a_threshold_from_true_clips(tmp_path):
    (tmp_path / "0.mp4").write_bytes(videos.encode(film(seed=20), 8))
    spec = {"name": "breaks", "parts": [INNER], "good": str(tmp_path), "times": 2}
    reward = rewards.load(spec)
    scores = reward.score(film("teleport"), PLAIN, 8)
    assert 9 <= scores.details["break"] <= 11, "the map resolves two frames"
    assert scores.value == reward.inner.score(film("teleport"), PLAIN, 8).value
    assert reward.score(film(), PLAIN, 8).details["break"] == 16


def test_the_threshold_is_part_of_what_the_reward_is(tmp_path):
    (tmp_path / "0.mp4").write_bytes(b"one")
    spec = {"name": "breaks", "parts": [INNER], "good": str(tmp_path)}
    one = rewards.resolved(spec)
    assert one["clips"] and one["parts"][0]["model"] == "tiny" and rewards.maps(spec) and rewards.differentiable(spec)
    (tmp_path / "1.mp4").write_bytes(b"two")
    assert rewards.resolved(spec) != one, "it follows from the clips"


@pytest.mark.parametrize(("given", "words"), [
    ({"parts": []}, "breaks.parts: name one reward that has a map"),
    ({"parts": [{"name": "motion"}]}, r"parts\[0\].name=motion: it does not tell where in a video; vjepa2 does"),
    ({"above": 0.3, "good": "clips"}, "give either above, a threshold, or good"),
    ({"above": None}, "give either above, a threshold, or good"),
    ({"above": []}, r"above=\[\]: give a number"),
    ({"above": None, "good": "no/such"}, "good='no/such': no videos there"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(given, words):
    with pytest.raises(UsageError, match=words):
        rewards.check({"name": "breaks", "above": 0.3, "parts": [INNER]} | given, "breaks")
