"""The reporting protocol."""

import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import protocol
from tests.evals.physics_iq import case


def test_four_runs_have_a_mean_and_a_sample_deviation(official):
    found = protocol.over_runs([official["freeze"], official["half"]])
    a, b = case.OFFICIAL["freeze"][1], case.OFFICIAL["half"][1]
    assert found["score"]["mean"] == pytest.approx((a + b) / 2)
    assert found["score"]["std"] == pytest.approx(abs(a - b) / 2**0.5)
    with pytest.raises(UsageError, match="5 runs"):
        protocol.over_runs([official["half"]] * 5)
