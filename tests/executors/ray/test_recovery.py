"""Requests whose state is gone before it was scored and written: made again, and answered once."""

import pytest

from examples import clockwork
from raysearch.config.settings import ClusterConfig, PoolConfig
from raysearch.executors import Request
from raysearch.moves import Move, Outcome
from raysearch.prompts import Prompt
from raysearch.sampling.state import Store
from tests.waiting import until

pytestmark = pytest.mark.cluster


def test_a_state_that_is_lost_while_it_is_written_is_made_again(started, tmp_path):
    store, steps = str(tmp_path / "latents"), 4
    pools = ClusterConfig(generators=PoolConfig(1, 0.5), rewards=PoolConfig(1, 0.5))
    executor = started(pools, clockwork.settings(steps, numbers=100_000), [{"name": "motion"}], store=store)
    executor.submit(Request("k", Prompt("p", "a ball"), Move(None, (0,), steps)))
    answers = []

    def made():
        answers.extend(executor.ready(0.1))
        return next((call.flight for call in executor._out.calls.values() if call.beside), None)

    flight = until(made, meanwhile=lambda: None)
    executor._recovery.view_lost(flight)
    executor._recovery.view_lost(flight)  # by its state and its view: it is made again once
    assert flight.made is None and executor.retries == 1
    until(lambda: answers, meanwhile=lambda: answers.extend(executor.ready(0.2)))
    for _ in range(5):
        answers.extend(executor.ready(0.1))
    ((_, outcome),) = answers
    assert isinstance(outcome, Outcome) and outcome.rewards and Store(store).load("k") is not None
