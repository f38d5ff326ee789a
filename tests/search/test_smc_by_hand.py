"""SMC read by read: L_k of every potential, what follows the ancestors, and where randomness comes from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from raysearch.moves import Guide, Kernel
from raysearch.search import strategy
from raysearch.search.common import stream
from raysearch.search.resampling import SCHEMES, systematic
from tests.search.scripted import Told, driven

smc = strategy("smc")
NOISY = Kernel("ddim_eta", 1.0)
READS, LAM = (0.25, 0.5, 0.75), 2.0


def reward(key: str) -> float:
    """Rewards that differ much and neither rise nor fall from read to read."""
    seed, k, slot = map(int, key.split("."))
    return math.sin(7.0 * slot + 3.0 * k + seed) + 0.3 * ((slot + k) % 3)


def ratio(key: str) -> float:
    """log p - log q of the Moves of a guided search."""
    _, k, slot = map(int, key.split("."))
    return 0.1 * math.cos(5.0 * slot + k)


def logmeanexp(lw: np.ndarray) -> float:
    return float(np.logaddexp.reduce(lw) - math.log(len(lw)))


def by_definition(told: Told, potential: str, lambdas: list[float]) -> tuple[list[float], float, np.ndarray]:
    """(ESS of each read, log Z, normalised log-weights) from the rewards of each particle's own line of ancestors.

    L_k = lambda_k r_k, lambda_k max_j r_j, lambda_k sum_j r_j or sum_j lambda_j r_j; at the end lambda r_T. A
    log-weight is the sum of what L rose by and of the log-ratios since the last resampling.
    """
    n, last = len(told.rounds[0]), len(told.rounds) - 1
    lw, log_z, lines, paid, ess = np.zeros(n), 0.0, [[] for _ in range(n)], np.zeros(n), []
    for k, moves in enumerate(told.rounds):
        keys = [".".join(map(str, m.seed)) for m in moves]
        lines = [[*line, reward(key)] for line, key in zip(lines, keys, strict=True)]
        rule = {
            "diff": lambda line, k: lambdas[k] * line[-1], "max": lambda line, k: lambdas[k] * max(line),
            "sum": lambda line, k: lambdas[k] * sum(line),
            "immediate": lambda line, k: sum(lam * r for lam, r in zip(lambdas, line, strict=False)),
        }["diff" if k == last else potential]  # fmt: skip
        due = np.array([rule(line, k) for line in lines])
        lw, paid = lw + due - paid + np.array([ratio(key) for key in keys]), due
        W = np.exp(lw - np.logaddexp.reduce(lw))
        ess.append(1 / float((W**2).sum()))
        ancestors = told.result.notes["ancestors"][k] if k < last else None
        if ancestors is not None:
            log_z, lw = log_z + logmeanexp(lw), np.zeros(len(ancestors))
            lines, paid = [lines[a] for a in ancestors], paid[ancestors]
    return ess, log_z + logmeanexp(lw), lw - np.logaddexp.reduce(lw)


@pytest.mark.parametrize("scheme", ["systematic", "multinomial", "ssp"])
@pytest.mark.parametrize("potential", ["diff", "max", "sum", "immediate"])
def test_weights_are_those_of_the_definition_over_reads_with_forced_resampling(potential, scheme):
    for seed, threshold, last in ((0, 1.0, None), (1, 0.6, None), (2, 0.0, None), (3, 1.0, 3)):
        options = {"n": 6, "lam": LAM, "rise": "linear", "potential": potential, "threshold": threshold, "last": last}
        told = driven(smc(seed, 8, scheme=scheme, reads=READS, kernel=NOISY, **options), reward, ratio)
        ess, log_z, log_w = by_definition(told, potential, [0.25 * LAM, 0.5 * LAM, 0.75 * LAM, LAM])
        resampled = [a is not None for a in told.result.notes["ancestors"]]
        assert resampled == {1.0: [True] * 3, 0.0: [False] * 3}.get(threshold, resampled)
        assert threshold != 0.6 or resampled == [e < 0.6 * 6 for e in ess[:-1]]
        assert told.result.notes["ess"] == pytest.approx(ess)
        assert told.result.log_z == pytest.approx(log_z)
        assert told.result.log_weights == pytest.approx(log_w.tolist())


def test_parents_and_roots_follow_the_ancestors():
    told = driven(smc(0, 8, n=6, lam=LAM, threshold=1.0, reads=READS, kernel=NOISY), reward)
    root = list(range(6))
    for k, ancestors in enumerate(told.result.notes["ancestors"]):
        assert told.parents(k + 1) == [f"0.{k}.{a}" for a in ancestors]
        root = [root[a] for a in ancestors]
        assert told.seeds(k + 1) == [(0, k + 1, i) for i in range(6)]
    assert told.result.notes["roots"] == len(set(root)) < 6
    assert [moves[0].to for moves in told.rounds] == [2, 4, 6, 8] and told.parents(0) == [None] * 6
    assert told.result.winner.reward == max(o.reward for o in told.result.finals)


def test_streams_of_resampling_know_the_first_state(monkeypatch):
    """So that two prompts with the same seed do not draw the same."""
    seen = []

    def watched(weights, rng, m=None):
        seen.append(rng.random())
        return systematic(weights, rng, m)

    monkeypatch.setitem(SCHEMES, "systematic", watched)
    driven(smc(3, 8, n=6, threshold=1.0, reads=(0.5,), kernel=NOISY), reward)
    assert seen == [stream("3.0.0", 3, 0).random()]


def test_kernel_and_guide_reach_every_move():
    guide = Guide("mean", 0.1, strict=True)
    told = driven(smc(0, 8, n=3, reads=READS, kernel=NOISY, guide=guide), reward)
    assert {(m.kernel, m.guide, m.score) for moves in told.rounds for m in moves} == {(NOISY, guide, True)}


def test_each_read_resamples_with_a_stream_of_its_own(monkeypatch):
    drawn = []

    def watched(weights, rng, m=None):
        drawn.append(rng.random())
        return systematic(weights, rng, m)

    monkeypatch.setitem(SCHEMES, "systematic", watched)
    for seed in (0, 1):
        driven(smc(seed, 8, n=6, threshold=1.0, reads=READS, kernel=NOISY), reward)
    assert len(set(drawn)) == len(drawn) == 6


@pytest.mark.parametrize(
    ("window", "reads"), [((0.0, 1.0), [2, 4, 6]), ((0.0, 0.35), [2]), ((0.28, 0.45), [2]), ((0.5, 0.8), [4])]
)
def test_reads_that_no_noise_follows_are_left_out(window, reads):
    """Of 8 steps the noisy ones are all but the last, 0 to 2, 2 to 3, and 4 to 5."""
    kernel = Kernel("ddim_eta", 1.0, window)
    told = driven(smc(0, 8, n=6, lam=LAM, threshold=1.0, reads=READS, kernel=kernel), reward)
    assert [moves[0].to for moves in told.rounds] == [*reads, 8]
    assert told.result.notes.get("left_out", []) == [stop for stop in (2, 4, 6) if stop not in reads]
    assert all(a is not None for a in told.result.notes["ancestors"])


@pytest.mark.parametrize(("window", "copied"), [((0.28, 0.3), [0]), ((0.5, 0.8), [1]), ((0.0, 1.0), [0, 1, 2])])
def test_a_population_that_shrinks_is_copied_only_where_noise_parts_copies(window, copied):
    """Of 8 steps the noisy ones are 2 alone, 4 to 5, and all but the last; with so large a lambda copies are made."""
    told = driven(
        smc(0, 8, n=12, last=8, lam=60.0, reads=READS, kernel=Kernel("ddim_eta", 1.0, window)), reward
    )  # fmt: skip
    distinct = [len(set(told.parents(k + 1))) == len(told.parents(k + 1)) for k in range(3)]
    assert [k for k in range(3) if not distinct[k]] == copied


def test_adaptive_lambda_begins_where_the_read_before_ended_and_uses_the_potential_and_the_log_ratios():
    for potential in ("diff", "max"):
        told = driven(
            smc(0, 8, n=6, lam=40.0, rise="adaptive", kappa=0.8, potential=potential, threshold=0.0, reads=READS,
                kernel=NOISY), reward, ratio,
        )  # fmt: skip
        lam = told.result.notes["lambda"]
        assert lam == sorted(lam) and lam[0] > 0 and lam[-1] == 40.0
        ess, log_z, _ = by_definition(told, potential, lam)
        assert told.result.notes["ess"] == pytest.approx(ess) and told.result.log_z == pytest.approx(log_z)
        assert ess[0] == pytest.approx(0.8 * 6, rel=1e-6)  # the conditional ESS of the first read is its ESS


def test_a_particle_without_reward_has_no_weight_and_no_children():
    told = driven(
        smc(0, 8, n=4, lam=1.0, threshold=1.0, reads=(0.5,), kernel=NOISY),
        lambda key: math.nan if key == "0.0.2" else reward(key),
    )
    assert "0.0.2" not in told.parents(1) and told.result.notes["nan"] == 1


def test_of_the_final_population_the_highest_reward_wins_whatever_the_weights():
    told = driven(smc(0, 8, n=4, lam=0.0, threshold=0.0, reads=(0.5,), kernel=NOISY), reward)
    assert told.result.best == int(np.argmax([o.reward for o in told.result.finals]))
    assert told.result.log_z == pytest.approx(0.0) and told.result.notes["ess"] == pytest.approx([4.0, 4.0])
