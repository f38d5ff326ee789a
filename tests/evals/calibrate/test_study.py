"""A calibration from a run folder to verdicts, in words and as a page."""

import json

import pytest

from raysearch.commands import calibrate as command
from raysearch.errors import UsageError
from raysearch.evals.calibrate import page, sources, study, words
from raysearch.evals.calibrate.statistics import ABOVE
from tests.evals.calibrate.case import run


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    source = sources.of(str(run(tmp_path_factory.mktemp("run"), prompts=16, n=8)), None)
    verifiers, notes = study.gather(source.groups, list(source.recorded.values()), source.recorded, 4, True, print)
    return study.study(source.name, source.truth, source.groups, verifiers, (), [*source.notes, *notes])


def test_the_verifier_that_follows_the_truth_is_above_chance_and_the_other_is_not(found):
    rows = {r.label: r for r in found.rows}
    assert list(rows) == ["good", "bad", "motion"] and rows["motion"].role == "control"
    assert rows["good"].verdict == ABOVE and rows["good"].ranking.rho.value > 0.8
    assert rows["bad"].verdict != ABOVE and rows["good"].worth.share.value > 0.7
    assert (found.prompts, found.scenes, found.candidates, found.truth) == (16, 16, 8, "tinyworld_truth")
    assert found.strengths[0].lam == pytest.approx(1.9 / found.strengths[0].spread)
    assert found.strengths[0].tempered == pytest.approx(found.strengths[0].lam * found.strengths[0].r.value)
    assert any("have no film" in note for note in found.notes) and not found.recommended


def test_it_is_json_and_words_and_a_page(found):
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["rows"][0]["verdict"] == ABOVE and len(plain["fusions"]) == 3
    text = "\n".join(words.lines(found))
    assert "good" in text and "ranks above chance" in text and "search.lam={sd: 1.9" in text
    html = page.page(found)
    assert html.count("<table") == 3 and "good: ranks above chance" in html and 'class="plot"' in html


def test_films_are_needed_for_verifiers_that_were_not_recorded(tmp_path):
    source = sources.of(str(run(tmp_path, prompts=2)), None)
    with pytest.raises(UsageError, match=r"geometry: 10 candidates have no film to score; .*films=all"):
        study.gather(source.groups, [{"name": "geometry"}], source.recorded, 0, False, print)


def test_a_folder_with_films_is_scored_and_corrupted(tmp_path, capsys, monkeypatch):
    folder = run(tmp_path / "run", prompts=2, n=3, films=True)
    monkeypatch.setattr("sys.argv", ["raysearch"])
    from raysearch.cli import main

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
    from raysearch.cli import main

    folder = str(run(tmp_path / "run", prompts=2))
    assert main(["calibrate", *(w.replace("{run}", folder) for w in words)]) == 2
    assert says in capsys.readouterr().err
    assert command._spec("{name: motion, relative: true}") == {"name": "motion", "relative": True}
