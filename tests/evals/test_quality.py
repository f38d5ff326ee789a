"""Quality against values known by hand, VBench's file, and pairs that a reward must tell apart."""

import json

import numpy as np
import pytest

from raysearch import cli, videos
from raysearch.errors import UsageError
from raysearch.evals import quality, validate


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


def test_accuracy_counts_ties_half_and_names_conditions():
    found = validate.accuracy([("solid", 0.2), ("solid", -0.1), ("gravity", 0.0), ("gravity", 0.3)])
    assert found["all"]["accuracy"] == 0.625 and found["solid"]["accuracy"] == 0.5 and found["gravity"]["pairs"] == 2
    assert validate.wilson(0.5, 10) == pytest.approx([0.2366, 0.7634], abs=1e-4)  # textbook value
    assert validate.wilson(1.0, 10) == pytest.approx([0.7225, 1.0], abs=1e-4)
    with pytest.raises(UsageError, match="NaN"):
        validate.accuracy([("x", float("nan"))])


def test_the_tiny_reward_tells_most_violations(capsys):
    assert cli.main(["validate-reward", "--tiny", "4", "--set", "model=tiny", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["all"]["accuracy"] > 0.85 and found["vanish"]["accuracy"] == 1.0


def test_pairs_from_files(tmp_path, capsys):
    rows = ["pair,video,possible,condition"]
    for pair in validate.tiny(1):
        for side in ("possible", "impossible"):
            name = f"{pair.id}-{side}.mp4"
            (tmp_path / name).write_bytes(videos.encode(getattr(pair, side)(), 8, quality=1))
            rows.append(f"{pair.id},{name},{int(side == 'possible')},{pair.condition}")
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join(rows) + "\n")
    assert cli.main(["validate-reward", "--pairs", str(table), "--set", "model=tiny"]) == 0
    assert "teleport" in capsys.readouterr().out
    for bad, message in (
        (rows[:2], "needs one video with possible=1 and one with possible=0"),
        (["pair,clip,possible"], "has no column 'video'"),
        ([rows[0], "p,none.mp4,1,x"], "none.mp4: no such file"),
    ):
        table.write_text("\n".join(bad) + "\n")
        with pytest.raises(UsageError, match=message):
            validate.read(table)
    assert cli.main(["validate-reward"]) == 2
