"""A candidate that cannot be judged is NaN with its reason; the others, the other rewards and the replicas go on."""

import math

import numpy as np
import pytest
import torch

from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Task
from raysearch.errors import UsageError
from raysearch.executors import Request
from raysearch.executors.inline import Inline
from raysearch.executors.ray.executor import RayExecutor
from raysearch.moves import Guide, Kernel, Move, Outcome, digest
from raysearch.rewards import Scores
from raysearch.sampling.workers import BROKEN, RewardWorker
from raysearch.search import strategy
from tests.executors.test_contract import PROMPTS, STEPS, answers, cluster, generator

TOO_FAST = [{"name": "vjepa2", "frames": {"fps": 16}}, {"name": "motion"}]  # the tiny generator makes 8 a second


class Picky:
    """A custom reward that only judges dark videos."""

    size, differentiable, whole_frames = 32, False, False

    def __init__(self, limit: float):
        self.limit = limit

    def score(self, view, prompt, fps=None):
        if view.mean() > self.limit:
            raise UsageError("too bright to be judged")
        return Scores(float(view.mean()))


def search(prompt, name="best_of_n", n=6) -> Task:
    return Task(name, prompt, strategy(name)(0, STEPS, n=n), digest(["s", prompt.id]))


@pytest.mark.parametrize("kind", ["inline", pytest.param("ray", marks=pytest.mark.slow)])
def test_content_that_cannot_be_judged_is_nan_with_the_reason(kind, request):
    if kind == "ray":
        request.getfixturevalue("local_ray")
    executor = Inline(generator(), TOO_FAST) if kind == "inline" else RayExecutor(cluster(), generator(), TOO_FAST)
    try:
        (found,) = answers(executor, Request("k", PROMPTS[0], Move(None, (0, 0, 0), STEPS)))
        assert isinstance(found, Outcome) and math.isnan(found.reward) and math.isnan(found.rewards["vjepa2"])
        assert found.rewards["motion"] > 0 and set(found.rewards) == {"vjepa2", "motion"}
        assert found.why.startswith("vjepa2: ") and "only 8 frames per second" in found.why
        assert all(pool["restarts"] == 0 for pool in executor.status().values())
    finally:
        executor.close()


def test_a_rate_that_the_generator_has_reaches_the_reward():
    executor = Inline(generator(), [{"name": "vjepa2", "frames": {"fps": 4}, "window": 8, "context": 4}])
    (found,) = answers(executor, Request("k", PROMPTS[0], Move(None, (0, 0, 0), STEPS)))
    assert math.isfinite(found.reward) and not found.why  # 9 of 17 frames at 4 of 8 a second: windows 0 and 1
    assert [k for k in found.rewards if k.startswith("vjepa2.")] == ["vjepa2.surprise_0", "vjepa2.surprise_1"]


def test_the_search_goes_on_with_the_other_candidates(tmp_path):
    executor = Inline(generator(), [{"name": "motion"}])
    alone = [
        answers(
            executor,
            Request(
                str(i),
                PROMPTS[0],
                Move(None, (0, 0, i), STEPS),
            ),
        )[0]
        for i in range(2)
    ]
    assert all(o.why == "" for o in alone)
    executor.rewards.rewards = {"picky": Picky(255), **executor.rewards.rewards}
    (first,) = Coordinator(executor, Journal(str(tmp_path / "a"), {})).run([search(PROMPTS[0])])
    limit = float(np.median([o.reward for o in first.result.finals]))
    executor.rewards.rewards["picky"] = Picky(limit)
    journal = Journal(str(tmp_path / "b"), {})
    (end,) = Coordinator(executor, journal, films="shown").run([search(PROMPTS[0])])
    finals = end.result.finals
    assert [math.isnan(o.reward) for o in finals] == [o.reward > limit for o in first.result.finals]
    assert end.error is None and end.result.winner.reward <= limit
    assert [bool(o.why) for o in finals] == [math.isnan(o.reward) for o in finals]
    kept = Journal(str(tmp_path / "b"), {}).outcomes  # as read back from disk
    assert {kept[o.key].why for o in finals} == {"", "picky: too bright to be judged"}


@pytest.mark.parametrize("name", ["best_of_n", "smc"])
def test_if_none_can_be_judged_the_search_says_why(tmp_path, name):
    executor = Inline(generator(), TOO_FAST)
    (end,) = Coordinator(executor, Journal(str(tmp_path), {})).run([search(PROMPTS[0], name, 2)])
    assert end.result is None and "NaN" in end.error and "only 8 frames per second" in end.error


def test_frames_that_are_not_finite_are_no_view():
    executor = Inline(generator(), [{"name": "vjepa2"}, {"name": "motion"}])
    found, _ = executor.rewards.score(BROKEN, PROMPTS[0])
    assert math.isnan(found["vjepa2"]) and math.isnan(found["motion"])
    assert found["motion.error"] == "the frames hold NaN or infinite values"
    (half,) = answers(executor, Request("half", PROMPTS[1], Move(None, (0, 0, 0), 1)))
    assert math.isfinite(half.reward)
    with torch.no_grad():  # as a decoder in half precision does that overflows
        for weight in executor.generator.model.pipeline.vae.parameters():
            weight.fill_(torch.nan)
    for i, guide in enumerate((None, Guide("mean", 0.1), Guide("full", 0.1, clip=1.0))):
        move = Move(None, (0, 0, 0), 2, Kernel("ddim_eta", 0.7), guide)
        (made,) = answers(executor, Request(f"k{i}", PROMPTS[1], move))
        assert math.isnan(made.reward) and "NaN or infinite" in made.why


def test_frames_as_they_are_where_a_reward_crops():
    assert RewardWorker([{"name": "vjepa2"}, {"name": "motion"}], 1).size() == 32
    assert RewardWorker([{"name": "motion"}, {"name": "vjepa2", "resize": "crop"}], 1).size() is None
