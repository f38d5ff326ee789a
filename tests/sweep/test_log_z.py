"""log Z pooled over the seeds of a sweep."""

from __future__ import annotations

import math

import pytest

from raysearch.moves import Outcome, Result
from raysearch.sweep.files import files
from raysearch.sweep.log_z import pools, table
from raysearch.sweep.table import Cell

FINALS = (Outcome("a", 1.0, {"motion": 2.0}), Outcome("b", 2.0, {"motion": 1.0}))


def cell(seed, log_z, n=8, prompt="p", search="smc"):
    weights = None if log_z is None else (math.log(0.5), math.log(0.5))
    result = Result(FINALS, 1, weights, log_z, {"n": n})
    return Cell(
        f"{search}{n}{prompt}{seed}", {"search": search, "search.n": n}, search, n, seed, prompt, "motion", result
    )


def test_seeds_are_pooled_within_prompt_and_number_of_particles():
    cells = [cell(0, math.log(1.0)), cell(1, math.log(3.0)), cell(1, math.log(3.0)), cell(0, 0.5, n=16)]
    small, large = pools([*cells, cell(0, None, search="best_of_n")])
    assert (small.n, small.seeds, small.log_z) == (8, 2, pytest.approx(math.log(2.0)))
    assert small.error == pytest.approx(math.sqrt(2) / math.sqrt(2) / 2)
    assert (large.n, large.seeds) == (16, 1) and math.isnan(large.error)
    assert small.label == "smc" and small.prompt == "p"


def test_the_page_and_the_document_tell_it():
    told = files([cell(0, 0.0), cell(1, 1.0)])
    assert "log Z, pooled over seeds" in told["sweep.html"] and '"log_z": 0.62' in told["sweep.json"]
    assert table([cell(0, None)]) is None and "pooled over seeds<" not in files([cell(0, None)])["sweep.html"]
