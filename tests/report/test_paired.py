"""Paired differences against hand computation."""

import pytest

from raysearch.moves import Result
from raysearch.report import paired, statistics
from tests.report.case import ERROR, candidates


def results(errors, tag):
    return [Result.of_best(candidates([1.0, 0.0], [e, 9.0], tag=f"{tag}{i}")) for i, e in enumerate(errors)]


def test_the_difference_is_that_of_pairs():
    before, after = results([4.0, 8.0, 6.0, 2.0, 5.0], "x"), results([3.0, 7.0, 5.0, 1.0, 4.0], "y")
    (row,) = paired.paired(list(zip(before, after, strict=True)), [statistics.measure(ERROR)])
    assert (row.before, row.after, row.change) == (5.0, 4.0, -1.0)
    assert row.low == row.high == pytest.approx(-1.0)  # the same in each pair, however far apart the pairs are
    assert (row.better, row.equal, row.verdict, row.clear) == (5, 0, "better", True)
    few = paired.paired(list(zip(before[:3], after[:3], strict=True)), [statistics.measure(ERROR)])[0]
    assert few.verdict == "" and not few.clear
