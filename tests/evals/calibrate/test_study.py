"""A calibration from a run folder to verdicts, in words and as a page."""

import json

import pytest

from raysearch.errors import UsageError
from raysearch.evals.calibrate import sources, study
from raysearch.evals.calibrate.verdicts import ABOVE
from tests.evals.calibrate.case import run


def test_the_verifier_that_follows_the_truth_is_above_chance_and_the_other_is_not(found):
    rows = {r.label: r for r in found.rows}
    assert list(rows) == ["good", "bad", "motion"] and rows["motion"].role == "control"
    assert rows["good"].verdict == ABOVE and rows["good"].ranking.rho.value > 0.8
    assert rows["bad"].verdict != ABOVE and rows["good"].worth.share.value > 0.7
    assert (found.prompts, found.scenes, found.candidates, found.truth) == (16, 16, 8, "tinyworld_truth")
    assert found.strengths[0].lam == pytest.approx(1.9 / found.strengths[0].spread)
    assert found.strengths[0].tempered == pytest.approx(found.strengths[0].lam * found.strengths[0].r.value)
    assert any("have no film" in note for note in found.notes) and not found.recommended


def test_it_is_json(found):
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["rows"][0]["verdict"] == ABOVE and len(plain["fusions"]) == 3


def test_films_are_needed_for_verifiers_that_were_not_recorded(tmp_path):
    source = sources.of(str(run(tmp_path, prompts=2)), None)
    with pytest.raises(UsageError, match=r"geometry: 10 candidates have no film to score; .*films=all"):
        study.gather(source.groups, [{"name": "geometry"}], source.recorded, 0, False, print)


def test_what_a_run_alone_can_measure_is_taken_from_its_record_and_no_search_is_told_to_go_by_it(tmp_path):
    """Films are there, so other verifiers are scored on corruptions; nothing but the run can score by its generator."""
    folder = run(tmp_path, prompts=6, films=True)
    config = (folder / "config.yaml").read_text().replace("{name: flicker, label: bad}", "{name: likephys, label: bad}")
    (folder / "config.yaml").write_text(config)
    source = sources.of(str(folder), None)
    assert source.recorded["bad"]["name"] == "likephys"
    specs = [source.recorded["good"], source.recorded["bad"]]
    verifiers, _ = study.gather(source.groups, specs, source.recorded, 1, True, print)
    of = {v.label: v for v in verifiers}
    assert set(of) == {"good", "bad", "motion"} and of["good"].pairs and not of["bad"].pairs
    found = study.study(str(folder), "tinyworld_truth", source.groups, verifiers)
    assert {r.label for r in found.rows} == set(of) and [s.label for s in found.strengths] == ["good"]
