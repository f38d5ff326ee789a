"""The cache of the real side."""

from dataclasses import replace

from raysearch.evals.physics_iq import layout, reals, scorer


def test_real_clips_are_read_once(root, tables, monkeypatch):
    def broken(*args):
        raise AssertionError("read again")

    monkeypatch.setattr(reals, "_compute", broken)
    data = layout.read(root / "physics-IQ-benchmark", 8)
    model = scorer.folder(root / "gen" / "half", data)
    assert scorer.run(replace(data, views=data.views[:1]), [model], root / "cache")[0]
