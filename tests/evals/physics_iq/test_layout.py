"""How a data set lies in its folders."""

import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import clips, layout


def test_a_wrong_data_set_is_named(small, tmp_path):
    bench, _ = small
    testing = bench / "split-videos/testing/8FPS"
    text = (tmp_path / "descriptions.csv").read_text()
    (tmp_path / "bad.csv").write_text(text.replace("category", "kind", 1))
    with pytest.raises(UsageError, match=r"bad\.csv: has no column 'category'"):
        layout.read(bench, 8, tmp_path / "bad.csv")
    with pytest.raises(UsageError, match="24FPS: no such folder"):
        layout.read(bench, 24)
    first = next(p for p in sorted(testing.iterdir()) if p.name.startswith("0004"))
    double = first.rename(first.with_name(first.name.replace("0004", "0001")))
    with pytest.raises(UsageError, match="number 0001 is there twice"):
        layout.read(bench, 8)
    double.unlink()
    with pytest.raises(UsageError, match="has no take 2"):
        layout.read(bench, 8)


def test_the_verified_layout_is_told_by_its_name(small, tmp_path):
    bench, _ = small
    other = bench.rename(tmp_path / "physics-IQ-benchmark-verified")
    assert layout.read(other, 8).verified
    assert clips.check(layout.read(other, 8).views[0].real[1]).frames == 40
