"""Replicas on their way: those that do not load, load late, or die meanwhile; real processes."""

import os
import signal
from contextlib import suppress

import pytest

from examples import clockwork
from raysearch.errors import UsageError
from raysearch.executors import Request
from raysearch.moves import Move
from tests.executors import loading
from tests.executors.test_faults import PROMPTS, REWARDS, STEPS, answers, cluster
from tests.waiting import until

pytestmark = pytest.mark.cluster


def test_a_model_that_cannot_be_loaded_says_why(started):
    executor = started(cluster(1), clockwork.settings(STEPS, no_such=1), REWARDS)
    with pytest.raises(UsageError, match=r"cluster.generators: the model cannot be loaded: .*no_such"):
        answers(executor, Request("x", PROMPTS[0], Move(None, (0,), STEPS)))


def alive(executor, count: int) -> None:
    """Look after the pools until the given number of generators is ready."""
    until(
        lambda: sum(r.phase == "ready" for r in executor.generators.replicas) >= count,
        meanwhile=lambda: executor.ready(0.2),
        state=lambda: executor.status()["generators"],
    )


@pytest.mark.slow
@pytest.mark.parametrize("what, limit", [("raise", 600.0), ("wait", 15.0)])
def test_a_replica_that_does_not_load_is_replaced_where_others_could(started, tmp_path, what, limit):
    executor = started(cluster(2, load_timeout_s=limit, loads_per_node=1), loading.settings(4, tmp_path, "well", what),
                       REWARDS)  # fmt: skip
    alive(executor, 2)
    # Every load that did not end well was replaced. A busy machine may also take a good one beyond the limit of `wait`.
    restarts = executor.generators.restarts
    assert len(list(tmp_path.glob("load-*"))) == 2 + restarts
    assert restarts == 1 if what == "raise" else restarts >= 1


def test_it_tells_how_far_replicas_are_that_load(started, tmp_path):
    executor = started(cluster(3, loads_per_node=1), loading.settings(4, tmp_path, "well", "wait"), REWARDS)

    def status() -> dict:
        pool = executor.status()["generators"]
        assert sum(pool[k] for k in ("placing", "placed", "loading", "alive")) == pool["replicas"] == 3
        return pool

    def reached(**counts) -> None:
        until(lambda: counts.items() <= status().items(), meanwhile=lambda: executor.ready(0.1), state=status)

    reached(placing=0, placed=1, loading=1, alive=1)
    (tmp_path / "go").touch()
    reached(placing=0, placed=0, loading=0, alive=3)


@pytest.mark.slow
def test_replicas_that_fall_together_while_they_load_are_one_crash(started, tmp_path):
    executor = started(cluster(6, loads_per_node=1), loading.settings(4, tmp_path, *["wait"] * 9), REWARDS)
    until(lambda: all(r.pid is not None for r in executor.generators.replicas), meanwhile=lambda: executor.ready(0.2))
    for replica in executor.generators.replicas:
        os.kill(replica.pid, signal.SIGKILL)  # as their node would
    (tmp_path / "go").touch()
    alive(executor, 6)
    assert executor.generators.restarts == 6


@pytest.mark.slow
def test_a_model_on_which_replicas_die_is_given_up(started, tmp_path):
    executor = started(cluster(1), loading.settings(4, tmp_path, *["wait"] * 9), REWARDS)

    def kill_what_loads() -> None:
        executor.ready(0.2)
        if (replica := executor.generators.replicas[0]).phase == "loading":
            with suppress(ProcessLookupError):  # it was killed the last time, and that is not noticed yet
                os.kill(replica.pid, signal.SIGKILL)

    with pytest.raises(UsageError, match=r"died while it started, 4 times in a row: .*memory enough"):
        until(lambda: False, meanwhile=kill_what_loads)
