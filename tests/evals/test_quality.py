"""Quality against values known by hand, VBench's file, and pairs that a reward must tell apart."""

import json

import numpy as np
import pytest

from raysearch import cli, videos
from raysearch.errors import UsageError
from raysearch.evals import quality


def test_values_known_by_hand():
    still = np.full((5, 8, 8, 3), 100, np.uint8)
    assert quality.measure(still) == {
        "temporal_flickering": 1.0, "linear_smoothness": 1.0, "sharpness": 0.0, "motion": 0.0,
    }  # fmt: skip
    ramp = still + np.arange(0, 50, 10, dtype=np.uint8)[:, None, None, None]
    found = quality.measure(ramp)
    assert found["motion"] == 10 and found["linear_smoothness"] == 1.0
    assert found["temporal_flickering"] == pytest.approx(1 - 10 / 255)
    blink = still.copy()
    blink[1::2] = 151
    assert quality.measure(blink)["linear_smoothness"] == pytest.approx(1 - 51 / 255)
    with pytest.raises(UsageError, match="2 frames"):
        quality.measure(still[:2])


def test_vbench_is_read_and_shown(tmp_path, capsys):
    told = {"motion_smoothness": [0.98, [{"video_path": "a.mp4", "video_results": 0.98}]]}
    (tmp_path / "x_eval_results.json").write_text(json.dumps(told))
    assert quality.read_vbench(tmp_path)["motion_smoothness"] == {"mean": 0.98, "videos": {"a.mp4": 0.98}}
    clip = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), dtype=np.uint8)
    (tmp_path / "a.mp4").write_bytes(videos.encode(clip, 8))
    assert cli.main(["quality", str(tmp_path / "a.mp4"), "--vbench", str(tmp_path)]) == 0
    assert "VBench motion_smoothness: 0.9800" in capsys.readouterr().out
    (tmp_path / "x_eval_results.json").write_text("[1]")
    with pytest.raises(UsageError, match="not a result of VBench"):
        quality.read_vbench(tmp_path)
