"""The tables of times."""

import pytest
import torch

from raysearch.generators.magi1.times import blurred, distance, past_is_trusted_less, table


def test_the_quarters_are_the_edges_of_guidance():
    t = table(64)
    assert t[[16, 32, 48]].tolist() == pytest.approx([0.0217391, 0.1, 0.3], abs=1e-6)
    assert t[0] == 0 and t[-1] == pytest.approx(1, abs=1e-6) and t[-2] == pytest.approx(0.9124, abs=1e-4)
    assert blurred(t).sum() == 48
    assert past_is_trusted_less(t[48]) and not past_is_trusted_less(t[47])  # .3 in fp32 is more than .3


def test_twelve_steps_have_unequal_lengths():
    def u(t):  # the inverse of t = u^2/3 / (1 - 2/3 u^2)
        return (3 * t / (1 + 2 * t)).sqrt()

    for shortcut, gaps in (("8,16,16", [2, 1, 1]), ("16,16,8", [1, 1, 2])):
        steps = u(table(12, shortcut)).diff() * 16
        assert torch.allclose(steps, torch.tensor(gaps * 4, dtype=torch.float32), atol=1e-4)
        assert [distance(12, n, shortcut) for n in range(4)] == [8 / gap for gap in [*gaps, gaps[0]]]
    assert distance(16, 5) == 8
