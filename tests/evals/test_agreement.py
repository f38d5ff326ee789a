"""The agreement of previews with whole decodes: 1 where they are the same, by rank, and told in words."""

import math

import numpy as np
import pytest

from raysearch import config, runs
from raysearch.cli import main
from raysearch.errors import UsageError
from raysearch.evals import agreement
from raysearch.evals.agreement import Agreement

JOB = {
    "prompts": {"heldout": 1, "scenes": ["one_ball"]}, "reward": {"name": "flicker"}, "watch": [],
    "generator": {"steps": 3, "preview": {"size": 1.0}},
}  # fmt: skip


def test_previews_that_are_whole_decodes_agree_wholly():
    rows = agreement.measure(runs.resolve(config.typed(JOB, "the test")), 3, "cpu")
    assert [row.step for row in rows][-1] == 3 and all(row.rank == pytest.approx(1) for row in rows)
    assert rows[-1].final == pytest.approx(1) and rows[0].final == pytest.approx(rows[0].whole_final)
    assert all(row.preview_s > 0 and row.whole_s > 0 for row in rows)


def test_a_read_is_the_mean_of_rank_correlations_within_prompts():
    whole = np.array([[1.0, 2, 3, 4], [4, 3, 2, 1]])
    preview = np.array([[10.0, 20, 30, 40], [1, 2, 3, 4]])  # 1 and -1
    read = np.stack([preview, whole], axis=-1)
    row = agreement._read(2, read, whole, np.ones_like(read) * [1.0, 3.0])
    assert row.rank == pytest.approx(0) and row.final == pytest.approx(0) and row.whole_final == pytest.approx(1)
    assert (row.preview_s, row.whole_s) == (1.0, 3.0) and row.low == pytest.approx(-1) and row.high == pytest.approx(1)


@pytest.mark.parametrize(
    "finals, said",
    [([0.3, 0.7, 0.9, 1.0], "halve its candidates from step 2 on (0.6), and keep a quarter from step 3"),
     ([0.3, 0.65, 0.7, 1.0], "halve its candidates from step 2 on (0.6)"),
     ([0.1, math.nan, 0.2, 1.0], "no read of this preview ranks candidates well enough")],
)  # fmt: skip
def test_what_a_preview_bears_is_said(finals, said):
    rows = [Agreement(k + 1, 0.5, 0.4, 0.6, final, final, 0.1, 0.2) for k, final in enumerate(finals)]
    assert said in agreement.text(rows, "tiny", 4) and "preview tiny" in agreement.text(rows, "tiny", 4)


def test_a_job_without_a_preview_and_too_few_candidates_are_refused(tmp_path, capsys):
    resolved = runs.resolve(config.typed({**JOB, "generator": {"steps": 3}}, "the test"))
    with pytest.raises(UsageError, match=r"generator\.preview is not set"):
        agreement.measure(resolved, 3, "cpu")
    with pytest.raises(UsageError, match="n=2: a rank correlation takes at least 3"):
        agreement.measure(runs.resolve(config.typed(JOB, "the test")), 2, "cpu")
    assert main(["agreement", "demo"]) == 2 and "generator.preview is not set" in capsys.readouterr().err
