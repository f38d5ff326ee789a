"""Which clips are corrupted, and scores of films by a verifier without weights."""

import numpy as np
import pytest

from raysearch import rewards, videos
from raysearch.evals.calibrate import clips, scoring
from raysearch.report import reading
from tests.evals.calibrate.case import run


def test_clips_are_taken_from_as_many_prompts_as_possible(tmp_path):
    groups = clips.of_run(reading.read(str(run(tmp_path, prompts=3, n=2))))
    assert [k for k, _ in scoring.few(groups, 4)] == [0, 1, 2, 0] and len(scoring.few(groups, 99)) == 6


def test_films_and_their_corruptions_are_scored(tmp_path):
    groups = clips.of_run(reading.read(str(run(tmp_path, prompts=1, n=3, films=True))))
    spec, said = {"name": "motion"}, []
    found = scoring.scored(spec, "control", groups, scoring.few(groups, 1), said.append)
    first = rewards.load(spec).score(videos.read(groups[0].each[0].path).frames, groups[0].prompt).value
    assert found.scores[0][0] == first and np.diff(found.scores[0]).min() > 0  # each disc is faster than the one before
    pairs = {p.corruption: p for p in found.pairs}
    assert pairs["still"].corrupted == 0 and pairs["dimmer"].corrupted == pytest.approx(0.8 * first, rel=0.05)
    assert (
        all(p.clean == first and p.prompt == 0 for p in found.pairs) and found.seconds > 0 and "loading motion" in said
    )
    assert scoring.scored(spec, "control", groups, [], said.append, twin=True) is None  # no network
    known = scoring.scored(spec, "control", groups, [], said.append, known=[np.arange(3.0)])
    assert known.scores[0].tolist() == [0, 1, 2]


def test_a_clip_that_cannot_be_scored_is_nan_with_its_reason(tmp_path):
    groups = clips.of_run(reading.read(str(run(tmp_path, prompts=1, n=2, films=True))))
    found = scoring.scored({"name": "geometry", "frames": {"at_most": 3}}, "verifier", groups, [], lambda text: None)
    assert np.isnan(found.scores[0]).all() and "fewer than the 4" in found.errors[0] and len(found.errors) == 1
