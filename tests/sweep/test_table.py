"""The table of a sweep: its estimates are exact."""

import itertools

import numpy as np
import pytest

from raysearch.sweep import table
from tests.sweep.case import cell


def test_best_of_n_is_the_mean_over_all_subsets_of_the_largest_pool():
    pools = {(seed, p): np.random.default_rng((seed, p)).normal(size=6).tolist() for seed in (0, 1) for p in range(3)}
    cells = [cell(n, r, seed, str(p)) for (seed, p), r in pools.items() for n in (1, 2, 6)]
    _, lines = table.rows(cells)
    for row in lines:
        wants = np.mean([np.mean([max(s) for s in itertools.combinations(r, row.n)]) for r in pools.values()])
        assert row.values["reward"].mean == pytest.approx(wants, abs=1e-12)
        assert row.values["other"].mean == pytest.approx(-wants, abs=1e-12)
        assert row.pool == 6 and row.prompts == 3 and row.seeds == 2
    assert lines[0].values["reward"].gain == 0 and lines[2].values["reward"].gain > 0


def test_other_settings_are_series_of_their_own():
    cells = [cell(2, [0.1, 0.2]), cell(2, [0.5, 0.6], **{"search.kernel.eta": 0.3})]
    _, lines = table.rows(cells)
    assert [row.label for row in lines] == ["best_of_n", "best_of_n search.kernel.eta=0.3"]
