"""The table of rewards against broken physics: its AUROC and its interval on numbers known by hand."""

import numpy as np
import pytest

from benchmarks import gates, rewards_table


def test_auroc_and_its_interval():
    rng = np.random.default_rng(0)
    valid, invalid = rng.normal(0.7, 1, 40), rng.normal(0, 1, 40)
    value, draws = rewards_table.auroc(valid, invalid)
    assert value == pytest.approx(gates.auroc(valid, invalid)) == pytest.approx((valid[:, None] > invalid).mean())
    assert abs(draws.mean() - value) < 0.01 and 0.03 < draws.std() < 0.1
    picks = np.random.default_rng(0).multinomial(40, np.full(40, 1 / 40), rewards_table.RESAMPLES)[0]
    again = [np.repeat(side, picks) for side in (valid, invalid)]  # the first resample, drawn out
    assert draws[0] == pytest.approx(gates.auroc(*again))
    apart, same = rewards_table.auroc(valid + 9, invalid), rewards_table.auroc(np.ones(5), np.ones(5))
    assert apart[0] == 1 and apart[1] == pytest.approx(1) and same[0] == 0.5


def test_a_row_has_every_class_and_their_mean():
    of = {"a": rewards_table.auroc(np.ones(4), np.zeros(4)), "b": rewards_table.auroc(np.ones(4), np.ones(4))}
    found = rewards_table.row(of)
    assert found == {k: pytest.approx([v] * 3) for k, v in (("a", 1), ("b", 0.5), ("mean", 0.75))}
    full = {v: [0.5, 0.4, 0.6] for v in (*rewards_table.VIOLATIONS, "mean")}
    text = rewards_table.table({"x": full, "y": full})
    assert text.count("0.50 (0.40-0.60)") == 2 * 12 and text.startswith("| valid against | x | y |")
