"""The measures between two clips."""

import numpy as np

from raysearch.evals.physics_iq import layout, metrics, scorer
from tests.evals.physics_iq import case


def test_shipped_masks_are_used_if_they_are_there(tmp_path):
    bench = case.write(tmp_path, ["take1"], size=(64, 48), kinds=("ball-roll",))
    data = layout.read(bench, 8)
    for view in data.views:
        for take, path in view.real.items():
            number = path.name[:4]
            name = f"{number}_video-masks_8FPS_{view.view}_take-{take}_{view.scenario}"
            white = np.full((40, 48, 64, 3), 255, np.uint8)
            case.save(bench / "video-masks/real/8FPS" / name, white, 8)
    table_ = scorer.run(layout.read(bench, 8), [scorer.folder(tmp_path / "gen/take1", data)], tmp_path / "c")[0]
    assert all(m["variance_spatial"] == 1.0 and m["spatial_iou_v1"] < 1 for m in table_.values())


def test_squared_error_is_exact():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 256, (2, 37, 53, 3), dtype=np.uint8)
    exact = int(((a.astype(np.int64) - b) ** 2).sum())
    assert metrics.squared(a, b) == exact / (a.size * 255.0**2)
