"""What searches take, counted without an executor."""

import pytest

from raysearch import config
from raysearch.runs import plan, resolve
from raysearch.runs.counts import counts


@pytest.mark.parametrize("search", ["best_of_n", "smc", "{name: halving, n: 6}", "{name: beam, width: 2, branch: 2}"])
def test_the_count_is_that_of_a_plan(search):
    job = config.load("jobs/demo.yaml", [f"search={search}", "prompts.heldout=2", "baseline=false"])
    resolved = resolve(job).measured(1.0)
    found, simulated = counts(resolved), plan.simulate(job, plan.Pace(1.0), 2, 1)
    assert found.prompts == 2 and 0 < found.longest <= 13
    assert found.moves == simulated.moves or search != "best_of_n"
    assert found.evaluations == pytest.approx(simulated.nfe, rel=0.2)


def test_the_longest_move_of_whole_videos_is_a_whole_video():
    found = counts(resolve(config.load("jobs/demo.yaml", ["search.n=3", "prompts.heldout=2"])))
    assert (found.moves, found.evaluations, found.scored, found.films, found.longest) == (6, 72, 6, 6, 12)
