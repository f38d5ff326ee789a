"""Candidates of runs and folders, their scenes and truths, and what is refused."""

import math

import pytest

from raysearch import videos
from raysearch.errors import UsageError
from raysearch.evals.calibrate import clips, truths
from raysearch.report import reading
from tests.evals.calibrate.case import ball, run


def test_a_run_with_its_recorded_truth(tmp_path):
    found = clips.of_run(reading.read(str(run(tmp_path, prompts=3))))
    assert [g.scene for g in found] == ["one_ball-0", "one_ball-1", "one_ball-2"]
    assert (found[0].truth == found[0].recorded("tinyworld_truth")).all() and len(found[0].each) == 5
    assert math.isnan(found[0].recorded("other")[0]) and clips.without_films(found) == 15
    lower = clips.of_run(reading.read(str(tmp_path)), None, "-bad")
    assert (lower[1].truth == -lower[1].recorded("bad")).all()
    with pytest.raises(UsageError, match=r"--truth worst: neither a file nor recorded .* bad, good, motion"):
        clips.of_run(reading.read(str(tmp_path)), None, "worst")


def test_a_folder_with_one_subfolder_for_each_prompt_and_a_csv(tmp_path):
    for name in ("a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4"):
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(videos.encode(ball(1.0, frames=4), 8))
    plain = clips.of_folder(str(tmp_path / "clips"), None)
    assert [(g.prompt.id, g.scene, len(g.each)) for g in plain] == [("a", "a", 2), ("b", "b", 2)]
    table = tmp_path / "scores.csv"
    table.write_text("video,score,scene,text\na/1.mp4,3,hill,a ball\na/2.mp4,1,hill,a ball\nclips/b/1.mp4,2,hill,\n")
    found = clips.of_folder(str(tmp_path / "clips"), truths.read(str(table)))
    assert found[0].truth.tolist() == [3, 1] and found[0].prompt.text == "a ball"
    assert found[1].truth[0] == 2 and math.isnan(found[1].truth[1]) and found[1].scene == "hill"
    table.write_text("video,score\na/1.mp4,3\na/9.mp4,1\n")
    with pytest.raises(UsageError, match=r"scores.csv: a/9.mp4: no such video"):
        clips.of_folder(str(tmp_path / "clips"), truths.read(str(table)))
    with pytest.raises(UsageError, match="no videos there"):
        clips.of_folder(str(tmp_path / "clips/none"), None)
