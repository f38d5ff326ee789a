"""Two models of which each lacks other views: what is measured of whom, against which take, and what is told of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import layout, score, scorer
from tests.evals.physics_iq import case

LEFT, CENTER, RIGHT = layout.VIEWS


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("partial")
    case.write(root, ["take1", "take2"], size=(160, 120), kinds=("disjoint",))
    return root


@pytest.fixture(scope="module")
def data(root) -> layout.DataSet:
    return layout.read(root / "physics-IQ-benchmark", 8)


@pytest.fixture(scope="module")
def models(root, data) -> list[scorer.ModelClips]:
    """take1 without its left view, take2 without its right one."""
    whole = [scorer.folder(root / "gen" / name, data) for name in ("take1", "take2")]
    return [
        replace(model, clips={number: path for number, path in model.clips.items() if number != out})
        for model, out in zip(whole, (1, 3), strict=True)
    ]


@pytest.fixture(scope="module")
def tables(root, data, models) -> list[dict]:
    told = []
    found = scorer.run(data, models, root / "cache", progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    return found


def test_each_model_has_the_views_it_has_clips_of(tables):
    scenario = "trimmed-synth-disjoint.mp4"
    assert [set(t) for t in tables] == [{(scenario, CENTER), (scenario, RIGHT)}, {(scenario, LEFT), (scenario, CENTER)}]


def test_measures_are_of_the_take_that_they_name(tables):
    """A copy of take 1 differs from take 1 by nothing, and from take 2 as take 1 does; and the other way round."""
    for t, same, other in ((tables[0], 1, 2), (tables[1], 2, 1)):
        for m in t.values():
            assert np.max(m[f"v{same}_mse"]) < 1e-12 and m[f"v{other}_mse"] == pytest.approx(m["variance_mse"])
            assert m[f"spatial_iou_v{same}"] == 1.0 and m[f"spatial_iou_v{other}"] == m["variance_spatial"] < 1.0
            assert m[f"spatiotemporal_iou_v{other}"] == m["variance_spatiotemporal_iou"]


def test_the_report_says_that_views_are_missing(data, models, tables):
    found = scorer.report(data, models[0], tables[0])
    assert found["partial"] and (found["views"], found["of_views"], found["scenarios"]) == (2, 3, 1)
    assert found["verified"] == score.verified(tables[0])
    assert (found["fps"], found["width"], found["height"]) == (8, 160, 120)
    assert set(found["by_category"]) == {"Solid Mechanics"} and found["interval"] == {}
    bare = replace(data, views=(*data.views, replace(data.views[0], scenario="other.mp4", category="")))
    assert "by_category" not in scorer.report(bare, models[0], tables[0])
    whole = {**tables[0], **tables[1]}
    assert not scorer.report(data, models[0], whole)["partial"] and models[0].name == "take1"


def test_models_of_another_rate_and_folders_of_mixed_sizes_are_refused(root, data, models, tmp_path):
    for fps in (7, 16):
        with pytest.raises(UsageError, match=f"take1: has {fps} frames per second"):
            scorer.run(data, [replace(models[0], fps=fps)], root / "cache")
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in (root / "gen/take1").iterdir():
        (folder / path.name).symlink_to(path)
    odd = next(p for p in folder.iterdir() if p.name.startswith("0002"))
    odd.unlink()
    case.save(odd, np.zeros((40, 122, 160, 3), np.uint8), 8)
    with pytest.raises(UsageError, match=r"0002_\S+: height is 122, but 0001_\S+ has 120"):
        scorer.folder(folder, data)
    (folder / ".hidden.mp4").write_bytes(b"")
    assert scorer.rate(folder) == 8
