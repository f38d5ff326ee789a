"""The distances by hand, on features of two tokens and four channels."""

import pytest
import torch

from raysearch.rewards.vjepa2 import distances
from raysearch.rewards.vjepa2.convention import Convention

GUESS = torch.tensor([[[3.0, 1.0, 1.0, -1.0], [2.0, 2.0, 0.0, 0.0], [5.0, 1.0, 3.0, 3.0]]])
TRUTH = torch.tensor([[[1.0, 3.0, 1.0, -1.0], [2.0, 0.0, 2.0, 0.0], [5.0, 1.0, 3.0, 3.0]]])
ROOT2 = 2**0.5  # layer-normed: (2, 0, 0, -2) / sqrt 2, (1, 1, -1, -1) and (2, -2, 0, 0) / sqrt 2


def by(**options) -> Convention:
    return Convention(**{"cosine": "features", **options})


def test_cosine_of_each_token_by_hand():
    each = distances.by_token(GUESS, TRUTH, by())[0]
    assert each.tolist() == pytest.approx([0.5, 1.0, 0.0], abs=1e-4)
    assert distances.surprise(GUESS, TRUTH, by()).item() == pytest.approx(0.5, abs=1e-4)


def test_the_worst_share_counts_the_most_surprising_tokens():
    for worst, wanted in ((0.34, 1.0), (0.1, 1.0), (0.6, 0.75), (0.9, 0.5)):  # 1, at least 1, 2 and 3 of 3
        assert distances.surprise(GUESS, TRUTH, by(worst=worst)).item() == pytest.approx(wanted, abs=1e-4)


def test_cosine_of_each_channel_along_tokens_by_hand():
    g, t = distances.norm(GUESS)[0], distances.norm(TRUTH)[0]
    cosines = [float(g[:, c] @ t[:, c] / (g[:, c].norm() * t[:, c].norm())) for c in range(4)]
    wanted = [3 / 15**0.5, 1 / 15**0.5, -1.0, 1.0]
    assert cosines == pytest.approx(wanted, abs=1e-3)
    found = distances.surprise(GUESS, TRUTH, by(cosine="tokens"))
    assert found.item() == pytest.approx(1 - sum(cosines) / 4, abs=1e-5)
    each = distances.by_token(GUESS, TRUTH, by(cosine="tokens"))
    assert each.mean().item() == pytest.approx(found.item(), abs=1e-5) and each.shape == (1, 3)


def test_l1_takes_the_guess_as_it_is_and_norms_the_target():
    each = distances.by_token(GUESS, TRUTH, by(distance="l1"))[0]
    first = (abs(3 - 0) + abs(1 - ROOT2) + abs(1 - 0) + abs(-1 + ROOT2)) / 4
    second = (abs(2 - 1) + abs(2 + 1) + abs(0 - 1) + abs(0 + 1)) / 4
    assert each[:2].tolist() == pytest.approx([first, second], abs=1e-4)
    assert distances.surprise(GUESS, TRUTH, by(distance="l1")).item() == pytest.approx(each.mean().item())


def test_half_precision_is_compared_in_fp32_and_wider_types_in_their_own():
    half = distances.surprise(GUESS.bfloat16(), TRUTH.bfloat16(), by())
    assert half.dtype == torch.float32 and half.item() == pytest.approx(0.5, abs=1e-4)
    assert distances.surprise(GUESS.double(), TRUTH.double(), by()).dtype == torch.float64


def test_a_channel_that_is_0_everywhere_is_no_error():
    flat = torch.zeros(1, 3, 4)
    assert distances.surprise(flat, TRUTH, by(cosine="tokens")).item() == pytest.approx(1.0)
    assert distances.by_token(flat, TRUTH, by(cosine="tokens"))[0].tolist() == pytest.approx([1.0] * 3)
