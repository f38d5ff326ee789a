"""The generator as its own judge: where it can be asked, and what a run records of it."""

import numpy as np
import pytest

from raysearch import rewards
from raysearch.config import tiny_defaults
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.executors import Request
from raysearch.executors.inline import Inline
from raysearch.moves import Move
from raysearch.prompts import Prompt
from raysearch.rewards.likephys import LikePhys

SCENE = Prompt("a", "a ball", scene="one_ball", scene_seed=1)


def test_levels_are_spread_over_the_steps_and_each_is_asked_once():
    assert LikePhys(10).steps(50) == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]
    assert LikePhys(10).steps(4) == [0, 1, 2, 3] and LikePhys(2).steps(12) == [0, 6]
    assert LikePhys().judged([1.0, 3.0]).value == -2.0


@pytest.mark.parametrize("key", ["reward", "reward.parts[0]", "rewards"])
def test_nothing_but_a_run_can_measure_it(key):
    with pytest.raises(UsageError, match=r"only a run can measure it.*name it under watch"):
        rewards.check({"name": "likephys"}, key)
    rewards.check({"name": "likephys", "levels": 3}, "watch[0]")
    with pytest.raises(UsageError, match="levels"):
        rewards.check({"name": "likephys", "levels": 0}, "watch[0]")
    with pytest.raises(UsageError, match="frames alone"):
        LikePhys().score(np.zeros((2, 8, 8, 3), np.uint8), SCENE)


def test_a_run_records_it_for_finished_candidates_alone_and_counts_its_evaluations():
    job = Job()
    tiny_defaults(job)
    job.generator.steps = 4
    executor = Inline(job.generator, [{"name": "motion"}, {"name": "likephys", "levels": 2, "label": "own"}])
    found = []
    for key, move in (("end", Move(None, (0, 0, 0), 4)), ("half", Move(None, (0, 0, 0), 2)),
                      ("other", Move(None, (0, 0, 1), 4))):  # fmt: skip
        executor.submit(Request(key, SCENE, move))
        ((_, outcome),) = executor.ready(0)
        found.append(outcome)
    end, half, other = found
    assert end.cost.nfe == 4 + 2 and end.rewards["own"] < 0 and end.reward == end.rewards["motion"]
    assert "own" not in half.rewards and half.cost.nfe == 2 + 1
    assert other.rewards["own"] != end.rewards["own"]
