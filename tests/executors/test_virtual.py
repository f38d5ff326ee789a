"""The simulated cluster: its clock is arithmetic that can be checked by hand, and failures cost what they must."""

import pytest

from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Task
from raysearch.executors import Failure, Film, Request
from raysearch.executors.virtual import Cluster, Virtual
from raysearch.moves import Kernel, Move, Outcome, digest
from raysearch.prompts import Prompt
from raysearch.search import strategy

PROMPT = Prompt("p", "a ball")


def run(cluster: Cluster, name: str = "best_of_n", searches: int = 1, **options):
    executor, steps = Virtual(cluster), 10
    todo = [
        Task(f"s{k}", Prompt(f"p{k}", "a ball"), strategy(name)(0, steps, **options), digest(["v", k]))
        for k in range(searches)
    ]
    coordinator = Coordinator(executor, Journal.forgetful())
    done = coordinator.run(todo)
    assert [end.error for end in done] == [None] * searches
    return executor, coordinator.ledger, [end.result.digest() for end in done]


@pytest.mark.parametrize(
    "cluster, seconds",
    [
        (Cluster([1.0], [0.5]), 4 * 10 + 0.5),  # scores hide behind the next Move, but for the last
        (Cluster([1.0, 1.0], [0.5]), 2 * 10 + 2 * 0.5),  # the last two end together: one score waits for the other
        (Cluster([1.0, 1.0], [0.5, 0.5]), 2 * 10 + 0.5),
        (Cluster([1.0, 3.0], [0.0]), 3 * 10),  # three for the fast one while the slow one does one
        (Cluster([1.0, 9.0], [0.0]), 4 * 10),  # the slow one would only be waited for
        (Cluster([1.0], [0.5], decode_s=2.0), 4 * 12 + 0.5),
        (Cluster([1.0], [0.5], load_s=7.0), 7 + 4 * 10 + 0.5),
    ],
)
def test_the_clock_is_what_arithmetic_says(cluster, seconds):
    assert run(cluster, n=4)[0].now == pytest.approx(seconds)


def test_the_cluster_changes_the_time_and_never_the_result():
    noisy = {"n": 8, "kernel": Kernel("ddim_eta", 0.7)}
    clusters = [
        Cluster([1.0]), Cluster([1.0] * 7, [0.2]), Cluster([1.0, 2.0, 3.0], [1.0], spread=0.5, transfer_s=1.0),
        Cluster([1.0] * 3, lost=[(12.0, 0), (13.0, 1), (30.0, 2)], load_s=4.0),
    ]  # fmt: skip
    found = [run(cluster, "smc", 3, **noisy) for cluster in clusters]
    assert all(hashes == found[0][2] for _, _, hashes in found)
    assert len({executor.now for executor, _, _ in found}) == len(clusters)
    assert found[3][0].restarts == 3 and found[3][1].rebuilt > 0  # states died with their nodes


def test_a_second_search_fills_the_barriers_of_the_first():
    cluster, options = Cluster([1.0] * 7 + [2.0], [0.0], spread=0.2), {"n": 16, "kernel": Kernel("ddim_eta", 0.7)}
    one, four = (run(cluster, "smc", searches, **options)[0] for searches in (1, 4))

    def utilisation(executor):
        work = sum(m.work for m in executor.generators)
        return work / (executor.now * 7.5)

    assert utilisation(four) > 0.93 > utilisation(one)


def test_states_of_a_node_that_stands_survive_a_replica():
    shared = Cluster([1.0, 1.0], nodes=["a", "a"], lost=[(15.5, 0)])
    alone = Cluster([1.0, 1.0], nodes=["a", "b"], lost=[(15.5, 0)])
    options = {"n": 16, "kernel": Kernel("ddim_eta", 0.7)}
    assert run(shared, "smc", **options)[1].rebuilt == 0 < run(alone, "smc", **options)[1].rebuilt


def test_busy_seconds_are_counted_without_what_a_death_cut_off():
    executor, ledger, _ = run(Cluster([1.0, 1.0], [0.0], lost=[(5.0, 0)], load_s=0.0), n=2)
    assert ledger.executed == 2
    assert sum(m.busy_s for m in executor.generators) == pytest.approx(20 + 5)


def test_it_answers_like_any_executor():
    executor = Virtual(Cluster([1.0]))
    tickets = [executor.submit(Request("a", PROMPT, Move(None, (0,), 5)))]
    tickets.append(executor.submit(Request("b", PROMPT, Move("nowhere", (1,), 5))))
    tickets.append(executor.submit(Request("c", PROMPT, Move(None, (2,), 3, score=False))))
    found = dict(pair for _ in range(3) for pair in executor.ready(0.0))
    first, missing, unscored = (found[t] for t in tickets)
    assert isinstance(first, Outcome) and first.cost.nfe == 5 and 0 <= first.reward < 1
    assert isinstance(missing, Failure) and missing.missing == "nowhere"
    assert unscored.rewards == {} and executor.ready(0.0) == []
    executor.submit(Request("a", PROMPT, None))
    assert isinstance(executor.ready(0.0)[0][1], Film)
