"""The stand-in data set."""

import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import layout, standin
from raysearch.videos import decode


def test_the_stand_in_is_the_same_every_time(tmp_path):
    one, two = (standin.write(tmp_path / n, 1) for n in "ab")
    files = [sorted(p.relative_to(r) for p in r.rglob("*") if p.is_file()) for r in (one, two)]
    assert files[0] == files[1] and all((one / f).read_bytes() == (two / f).read_bytes() for f in files[0])
    assert len([f for f in files[0] if f.suffix == ".mp4"]) == 12
    takes = layout.read(one, 8).views[0].real
    assert decode(takes[1])[0].shape == decode(takes[2])[0].shape == (12, 256, 256, 3)
    with pytest.raises(UsageError, match="other settings"):
        standin.write(tmp_path / "a", 2)
