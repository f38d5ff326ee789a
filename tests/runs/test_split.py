"""How to share GPUs."""

import pytest

from raysearch.runs.split import splits


def test_a_pair_on_every_gpu_beats_a_gpu_that_waits():
    """As in the reference case: 3168 videos of 359 s and scores of 4 s on eight GPUs."""
    first, second = splits(8, 3168 * 359.0, 3168 * 4.0)
    assert (first.generators, first.rewards) == (8, 0) and first.seconds == pytest.approx(3168 * 363 / 8)
    assert (second.generators, second.rewards) == (7, 1) and second.seconds == pytest.approx(3168 * 359 / 7)
    assert second.busy == pytest.approx(3168 * 4 / second.seconds)
    assert "paired on all 8: 39.9 h" in first.text and "(the latter 8% busy)" in second.text


def test_as_many_gpus_for_rewards_as_keep_up():
    best = next(split for split in splits(8, 100.0, 300.0) if split.rewards)
    assert (best.generators, best.rewards) == (2, 6) and best.seconds == 50.0


def test_replicas_over_several_gpus():
    found = splits(8, 800.0, 1.0, ranks=4)
    assert [(s.generators, s.rewards, s.seconds) for s in found] == [(8, 0, 400.5), (7, 1, 800.0)]
    assert splits(1, 10.0, 1.0)[0].rewards == 0 and len(splits(1, 10.0, 1.0)) == 1
