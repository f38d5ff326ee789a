"""Two runs side by side."""

import pytest

from raysearch.errors import UsageError
from raysearch.moves import Result
from raysearch.report import compare, read
from tests.report.case import candidates, run_folder, search


def run(folder, errors, strategy="best_of_n", names="abcde"):
    made = [search(n, Result.of_best(candidates([0.1, 0.3], [e + 1, e], tag=f"{strategy}{n}")))
            for n, e in zip(names, errors, strict=True)]  # fmt: skip
    return run_folder(folder, made, strategy)


@pytest.fixture
def both(tmp_path):
    return run(tmp_path / "one", [4, 8, 6, 2, 5]), run(tmp_path / "two", [3, 6, 5, 1, 4], "smc")


def test_the_headline_is_the_paired_difference_with_its_interval(both):
    found = compare.compare(*(read(str(r)) for r in both))
    assert compare.headline(found) == (
        "two is better than one on 5 prompts: mean trajectory error \u22121.20 px [\u22121.60, \u22121.00]"
    )
    back = compare.compare(*(read(str(r)) for r in reversed(both)))
    assert compare.headline(back).startswith("one is worse than two on 5 prompts: mean trajectory error +1.20 px")
    same = compare.compare(read(str(both[0])), read(str(both[0])))
    assert "do not clearly differ" in compare.headline(same) and not same.settings
    assert ("search.name", "best_of_n", "smc") in found.settings


def test_runs_of_other_prompts_are_refused(both, tmp_path):
    other = run(tmp_path / "other", [1], names="z")
    with pytest.raises(UsageError, match="no finished prompt in common"):
        compare.compare(read(str(both[0])), read(str(other)))
