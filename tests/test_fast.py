"""Searches replayed on pools choose and cost what they do; the table is right about both."""

import math

import numpy as np
import pytest

from benchmarks.fast.__main__ import POOLS, WAYS, figures, table, to_target
from benchmarks.fast.replay import Price, Way, averaged, best, half, quarter, replay

READS = (2, 6, 12)
NFE = np.array([3.0, 4.0, 5.0])  # of a candidate up to each read: the state that is read is evaluated


def scene(n=16, reads=3, seed=0):
    """Candidate i ends with the reward i / 100; earlier reads say the same, but the tiny decoder the opposite."""
    rng = np.random.default_rng(seed)
    reward = np.repeat(np.arange(n)[:, None] / 100, reads, 1)
    nfe = np.tile(NFE[:reads] if reads == 3 else np.array([2.0, 0.0]), (n, 1))
    same = {"network_s": nfe / 10, "decode_s": np.full_like(nfe, 0.5), "score_s": np.full_like(nfe, 2.0)}
    return {"reward": reward, "tiny_reward": -reward, "px": 5 - 10 * reward + rng.random(n)[:, None] / 100, "nfe": nfe,
            "tiny_decode_s": np.full_like(nfe, 0.1), "tiny_db": np.full_like(nfe, 30.0), **same}  # fmt: skip


def test_best_of_n_pays_for_everything_and_finds_the_best():
    spent = replay(Way("", "", best), READS[-1:], {k: v[:, -1:] for k, v in scene().items()} | {
        "nfe": np.full((16, 1), 12.0)}, 16)  # fmt: skip
    assert (spent.nfe, spent.decodes, spent.tiny_decodes) == (16 * 12, 16, 0) and spent.reward == 0.15


def test_halving_pays_for_those_that_go_on():
    spent = replay(Way("", "", half), READS, scene(), 16)
    assert spent.nfe == 16 * 3 + 8 * 4 + 4 * 5 and spent.decodes == 16 + 8 + 4 and spent.reward == 0.15


def test_reads_by_the_tiny_decoder_decide_and_are_counted_apart():
    spent = replay(Way("", "", half, tiny=True), READS, scene(), 16)
    assert (spent.decodes, spent.tiny_decodes) == (4, 24) and spent.reward == 0.03  # it keeps the worst four


def test_a_quarter_goes_on_and_the_last_step_is_free():
    spent = replay(Way("", "", quarter), (1, 2), scene(reads=2), 16)
    assert spent.nfe == 32 and spent.decodes == 16 + 4 and spent.reward == 0.15


def test_a_search_cannot_read_where_the_pool_was_not_looked_at():
    with pytest.raises(KeyError):
        replay(Way("", "", quarter), READS[::2], {k: v[:, ::2] for k, v in scene().items()}, 16)


def test_smaller_searches_are_averaged_over_the_pool():
    spent = averaged(Way("", "", half), READS, scene(), 1)
    assert spent.reward == pytest.approx(np.mean(np.arange(16) / 100)) and spent.nfe == 12


def test_prices_are_of_what_was_asked_for():
    spent = replay(Way("", "", half, tiny=True), READS, scene(), 16)
    assert Price(1, 10, 100, 1000).of(spent) == spent.nfe + 4 * 10 + 24 * 100 + 28 * 1000


def pools(count=4):
    return {name: [scene(reads=len(pool.reads), seed=k) for k in range(count)] for name, pool in POOLS.items()}


def test_the_figures_tell_the_target_and_what_reaches_it():
    result = figures(pools(), 16)
    rows = {row["way"]: row for row in result["rows"]}
    today = rows[WAYS[0].name]
    assert result["target"] == today["reward"] == pytest.approx(0.15) and today["to_target"]["n"] == 16
    assert today["seconds"] == pytest.approx(16 * (12 * 0.1 + 0.5 + 2.0))
    assert rows["tiny decoder: halving, 12 steps"]["to_target"] is None
    assert rows["both: 2 steps, a quarter by the tiny decoder"]["reward"] == pytest.approx(0.03)
    read = next(row for row in result["previews"] if row["pool"] == "tiny-12" and row["read"] == 2)
    assert read["to_end"]["mean"] == pytest.approx(1) and read["tiny_to_whole"]["mean"] == pytest.approx(-1)
    assert "not reached" in table({"scenes": 4, "candidates": 16, **result})


def test_fewer_candidates_reach_a_lower_target():
    way, price = WAYS[0], Price(0.1, 0.5, 0.1, 2.0)
    reached = to_target(way, pools(), price, 0.10, 16)
    assert reached is not None and 1 < reached["n"] < 16 and reached["nfe"] == 12 * reached["n"]
    assert to_target(way, pools(), price, math.inf, 16) is None
