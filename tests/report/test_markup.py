"""Numbers as the report prints them."""

from __future__ import annotations

import math

import pytest

from raysearch.report import markup


@pytest.mark.parametrize(
    ("value", "places", "sign", "text"),
    [(1234.5, None, False, "1,234"), (-0.0123, None, False, "−0.0123"), (0.5, 2, True, "+0.50"),
     (-0.001, 2, True, "0.00"), (math.nan, None, False, "not scored"), (-math.inf, None, False, "−∞")],
)  # fmt: skip
def test_numbers(value, places, sign, text):
    assert markup.number(value, places, sign) == text
