"""What a job may not say of geometry; nothing is loaded."""

import pytest

from raysearch import rewards
from raysearch.errors import UsageError


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"signals": "speedy"}, "geometry.signals|signals: signal"), ({"signals": []}, "no signal counts"),
        ({"frames": {"span": 2}}, "geometry has no windows"), ({"frames": {"fps": 0}}, "frames"),
        ({"grid": 0}, "grid=0"), ({"model": "./nowhere"}, "no such folder"),
    ],
)  # fmt: skip
def test_mistakes(options, says):
    with pytest.raises(UsageError, match=says):
        rewards.check({"name": "geometry", **options})
