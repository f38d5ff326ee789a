"""`raysearch calibrate` on folders, and its mistakes."""

import json

import pytest

from raysearch.cli import main
from raysearch.commands import calibrate as command
from tests.evals.calibrate.case import run


def test_a_folder_with_films_is_scored_and_corrupted(tmp_path, capsys):
    folder = run(tmp_path / "run", prompts=2, n=3, films=True)
    assert main(["calibrate", str(folder / "films"), "--reward", "{name: geometry, signals: jump}", "--clips", "2",
                 "--no-twins", "--out", str(tmp_path / "c.html"), "--json"]) == 0  # fmt: skip
    plain = json.loads(capsys.readouterr().out)
    assert plain["truth"] == "" and plain["rows"][0]["ranking"] is None and plain["prompts"] == 2
    by = plain["rows"][0]["noticed"]["by"]
    assert by["teleported"]["share"]["value"] == 0.5 and by["mirror"]["share"]["value"] == 0
    assert "not known" in (tmp_path / "c.html").read_text() and plain["rows"][0]["seconds"] > 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "nowhere"), (["{run}", "--reward", "nothing"], "nothing"),
        (["{run}", "--useful", "2"], "useful 2"),
        (["{run}", "--clips", "-1"], "--clips -1"), (["{run}", "search.n=3"], "settings are for a job"),
        (["{run}", "--truth", "nothing"], "--truth nothing"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(tmp_path, capsys, words, says):
    folder = str(run(tmp_path / "run", prompts=2))
    assert main(["calibrate", *(w.replace("{run}", folder) for w in words)]) == 2
    assert says in capsys.readouterr().err
    assert command._spec("{name: motion, relative: true}") == {"name": "motion", "relative": True}
