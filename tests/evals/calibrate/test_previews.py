"""Slopes and what a read may be used for; lineages are read from a run of the whole system."""

import numpy as np
import pytest

from raysearch import config, runs
from raysearch.evals.calibrate import previews, sources
from raysearch.report import reading


def test_slopes_are_pooled_within_prompts():
    early = [np.array([0.0, 1.0, 2.0]), np.array([10.0, 12.0, np.nan])]
    late = [np.array([0.0, 0.5, 1.0]), np.array([5.0, 6.0, 9.0])]
    assert previews.slope(early, late) == pytest.approx(0.5)
    assert np.isnan(previews.slope([np.ones(3)], [np.arange(3.0)]))


def test_a_read_is_used_where_it_agrees_and_ranks_the_truth():
    rng = np.random.default_rng(0)
    late = [rng.normal(size=8) for _ in range(12)]
    early = [y + 0.3 * rng.normal(size=8) for y in late]
    names = [f"s{k}" for k in range(12)]
    assert previews._preview(3, 12, early, late, late, names).use == "keep a quarter"
    assert previews._preview(3, 12, early, late, [rng.normal(size=8) for _ in late], names).use == ""  # knows no truth
    blank = [np.full(8, np.nan)] * 12
    rough = [y + 0.9 * rng.normal(size=8) for y in late]
    assert previews._preview(3, 12, rough, late, blank, names).use == "halve"
    assert previews._preview(3, 12, rough, late, blank, names).truth is None


@pytest.mark.slow
def test_a_job_is_run_without_selection_and_its_previews_are_found(tmp_path):
    words = [f"run={tmp_path}/r", "prompts.heldout=2", "generator.steps=5", "cluster.executor=inline"]
    job = sources.reading_job(config.load("jobs/demo.yaml", words), 3, [{"name": "smoothness"}])
    runs.run(job)
    source = sources.of(f"{tmp_path}/r-calibrate", None)
    assert [p.step for p in source.previews] == [1, 2, 3, 4] and not source.notes
    assert list(source.recorded) == ["vjepa2", "motion", "smoothness"] and source.truth == "tinyworld_truth"
    lineages = previews.traced(reading.read(f"{tmp_path}/r-calibrate"))
    for group in source.groups:
        of = lineages[group.prompt.id]
        assert sorted(of) == [1, 2, 3, 4, 5] and set(of[5]) == {c.name for c in group.each} == set(of[1])
        assert [of[5][c.name] for c in group.each] == [c.measured["reward"] for c in group.each]
