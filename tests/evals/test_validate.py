"""How often a reward prefers the possible of two videos."""

import json

import pytest

from raysearch import cli, videos
from raysearch.errors import UsageError
from raysearch.evals import validate


def test_accuracy_counts_ties_half_and_names_conditions():
    found = validate.accuracy([("solid", 0.2), ("solid", -0.1), ("gravity", 0.0), ("gravity", 0.3)])
    assert found["all"]["accuracy"] == 0.625 and found["solid"]["accuracy"] == 0.5 and found["gravity"]["pairs"] == 2
    assert validate.wilson(0.5, 10) == pytest.approx([0.2366, 0.7634], abs=1e-4)  # textbook value
    assert validate.wilson(1.0, 10) == pytest.approx([0.7225, 1.0], abs=1e-4)
    with pytest.raises(UsageError, match="NaN"):
        validate.accuracy([("x", float("nan"))])


@pytest.mark.judges("worldmodel")
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
