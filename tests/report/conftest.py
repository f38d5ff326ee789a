"""Results that several tests of the report look at."""

from __future__ import annotations

import pytest

from raysearch.moves import Result
from tests.report.case import candidates


@pytest.fixture
def results():
    """Two prompts of three candidates; chosen are slots 1 and 2."""
    a = Result.of_best(candidates([0.1, 0.3, 0.2], [4.0, 1.0, 3.0], tag="a"))
    b = Result.of_best(candidates([0.2, 0.1, 0.4], [2.0, 5.0, 3.0], tag="b"))
    return [a, b]
