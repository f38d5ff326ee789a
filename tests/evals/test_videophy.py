"""VideoPhy's files: what its evaluators write is read back, and mistakes are named."""

import pytest

from raysearch.errors import UsageError
from raysearch.evals import videophy

TEXT = 'Does this video entail the description: "a ball falls"?\nAnswer with yes or no.'


def test_captions_come_once_from_text_and_from_csv(tmp_path):
    (tmp_path / "c.txt").write_text("a ball\n\ntwo balls\na ball\n")
    (tmp_path / "c.csv").write_text('video_url,caption\nu,"a ball, falling"\nv,"a ball, falling"\nw,two\n')
    (tmp_path / "d.csv").write_text("video_url,text\nu,v\n")
    assert videophy.captions(tmp_path / "c.txt") == ["a ball", "two balls"]
    assert videophy.captions(tmp_path / "c.csv") == ["a ball, falling", "two"]
    with pytest.raises(UsageError, match=r"d\.csv: has no column 'caption'; there are video_url, text"):
        videophy.captions(tmp_path / "d.csv")


def test_output_without_header_and_with_prompts_of_two_lines(tmp_path):
    quoted = TEXT.replace('"', '""')
    (tmp_path / "sa.csv").write_text(f'a.mp4,"{quoted}",0.75\nb.mp4,"{quoted}",0.25\n')
    assert videophy.read_output(tmp_path / "sa.csv") == {"a.mp4": 0.75, "b.mp4": 0.25}
    (tmp_path / "sa.csv").write_text(f'a.mp4,"{quoted}",0.75\na.mp4,"{quoted}",0.25\n')
    with pytest.raises(UsageError, match=r"a\.mp4 is scored twice"):
        videophy.read_output(tmp_path / "sa.csv")
    (tmp_path / "two.csv").write_text(',videopath,caption,score\n0,a.mp4,"x\ny",4.0\n1,b.mp4,z,5.0\n')
    assert videophy.read_output(tmp_path / "two.csv") == {"a.mp4": 4.0, "b.mp4": 5.0}
    (tmp_path / "bad.csv").write_text("a.mp4,x,high\n")
    with pytest.raises(UsageError, match=r"bad\.csv: record 1: no score"):
        videophy.read_output(tmp_path / "bad.csv")


def test_scores_of_both_versions(capsys):
    one = videophy.scores({"a": 0.5, "b": 0.4, "c": 0.9}, {"a": 0.6, "b": 0.8, "c": 0.1})
    assert one["sa"] == pytest.approx(0.6) and one["pc"] == pytest.approx(0.5)
    assert [round(one[k], 3) for k in ("sa_percent", "pc_percent", "joint_percent")] == [66.667, 66.667, 33.333]
    two = videophy.scores({"a": 4, "b": 3}, {"a": 5, "b": 5}, version=2)
    assert two["sa_percent"] == 50 and two["joint_percent"] == 50
    with pytest.raises(UsageError, match="version 1 gives 0 to 1"):
        videophy.scores({"a": 4}, {"a": 5})
    with pytest.raises(UsageError, match="b: scored for only one"):
        videophy.scores({"a": 1}, {"a": 1, "b": 1})
