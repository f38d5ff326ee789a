"""Paired shares, AUROC and the interval of a share."""

import numpy as np
import pytest

from raysearch.evals.calibrate import paired


def test_paired_shares_and_auroc():
    clean, other = np.array([1.0, 2.0, 3.0]), np.array([1.0 + 1e-7, 1.0, 4.0])
    assert paired.preferred(clean, other).tolist() == [0.5, 1.0, 0.0]
    assert paired.auroc(clean, other) == pytest.approx((0.5 + 0.5 + 1 + 1 + 1 + 1) / 9)
    found = paired.wilson(0.9, 20)
    assert found.value == pytest.approx(0.4) and 0 < found.low < 0.4 < found.high < 0.5
