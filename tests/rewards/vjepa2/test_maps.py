"""Where the surprise is: maps average back to the score, overlaps are averaged, and the picture tells it."""

import numpy as np
import pytest
import torch

from raysearch.rewards.vjepa2.maps import fold, spread
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.tinyworld.heldout import condition


@pytest.mark.parametrize(
    "options",
    [{"cosine": "tokens"}, {"cosine": "features"}, {"distance": "l1"}, {"cosine": "tokens", "resize": "crop"}],
    ids=str,
)
def test_the_map_averages_back_to_the_surprise(options):
    reward = VJEPA2Reward.load("tiny", context=8, stride=16, **options, worst=1.0)
    view = np.random.default_rng(0).integers(0, 255, (32, 40, 56, 3), dtype=np.uint8)
    scores, found = reward.score_with_map(view)
    assert scores == reward.score(view)
    assert found.values.shape == (32, 4, 4)
    given = [*range(8), *range(16, 24)]
    assert np.isnan(found.values[given]).all() and np.isfinite(np.delete(found.values, given, 0)).all()
    for k in range(2):
        window = found.values[16 * k + 8 : 16 * k + 16]
        assert window.mean() == pytest.approx(scores.details[f"surprise_{k}"], abs=1e-5)
    assert np.nanmean(found.values) == pytest.approx(1 - scores.value, abs=1e-5)
    assert found.box == ((0, 8, 40, 40) if options.get("resize") else (0, 0, 40, 56))


def test_overlapping_windows_and_contexts_are_averaged():
    """Two windows of 4 frames (tubelets of 2, one patch), the second 2 later; contexts of none and of one tubelet."""
    nan = torch.nan
    layers = [(0, torch.tensor([[1.0, 2.0], [nan, 4.0]])), (2, torch.tensor([[5.0, 6.0], [nan, 8.0]]))]
    found = fold(layers, 7, 2, 1)[:, 0, 0]
    np.testing.assert_allclose(found[:6], [1, 1, 11 / 3, 11 / 3, 7, 7])  # (2 + 4 + 5) / 3, (6 + 8) / 2
    assert np.isnan(found[6])


def test_frames_that_are_not_seen_show_the_one_before():
    folded = np.arange(3, dtype=np.float32).reshape(3, 1, 1)
    found = spread(folded, np.array([0, 2, 5]), (7, 10, 12), "squash")
    assert found.values[:, 0, 0].tolist() == [0, 0, 1, 1, 1, 2, 2]


def test_tokens_lie_where_their_patches_are():
    """Tokens run over times, then rows, then columns."""
    found = fold([(1, torch.arange(8.0)[None])], 6, 2, 2)
    assert np.isnan(found[[0, 5]]).all()
    assert found[1:3].tolist() == [[[0, 1], [2, 3]]] * 2 and found[3:5].tolist() == [[[4, 5], [6, 7]]] * 2
    twice = fold([(0, torch.tensor([[1.0], [3.0]])), (0, torch.tensor([[8.0], [torch.nan]]))], 2, 2, 1)
    assert twice.ravel().tolist() == [4.0, 4.0]  # of three numbers
    shape, seen = (2, 10, 13), np.arange(2)
    boxes = [spread(np.zeros((2, 1, 1)), seen, shape, how).box for how in ("crop", "squash")]
    assert boxes == [(0, 1, 10, 10), (0, 0, 10, 13)]


def test_a_ball_that_jumps_is_where_the_map_is_brightest():
    view = condition("one_ball", 3).video.copy()
    view[12:, :8, :8] = (250, 40, 40)  # a red square out of nothing, in the first patch
    _, found = VJEPA2Reward.load("tiny").score_with_map(view)
    late = np.nanmean(found.values[12:], axis=0)
    assert np.unravel_index(late.argmax(), late.shape) == (0, 0)
    assert late[0, 0] > 3 * np.nanmean(found.values[8:12, 0, 0])
