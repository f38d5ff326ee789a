"""`make magi`: its searches on the shipped model keep to their budget and keep what they say, and its tables."""

import numpy as np
import pytest
import torch

from benchmarks.magi import searches, tables
from benchmarks.magi.searches import BACKTRACK, SEARCHES, SMALL, Judges, Run, drive, gated, searched
from benchmarks.magi.world import CHUNKS, MADE, advance, baselines, by_chunk, errors, load, noise, scenes, seen
from raysearch.generators.magi1.stages import FRAMES
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.search import strategy
from raysearch.tinyworld.truth import LOST


@pytest.fixture(scope="module")
def scene():
    torch.set_num_threads(1)
    (prompt, truth), *_ = scenes(1)
    return load("tiny-magi").given(prompt.text, truth.given, prompt.id), truth


def test_the_true_film_has_no_error_and_holding_its_last_frame_has(scene):
    _, truth = scene
    found, area = errors(truth.seen().video[8:], truth, 1)
    assert found.max() < 0.3 and 0.8 < area.mean() < 1.2
    assert by_chunk(baselines(truth)["copy"]).min() > 1


def test_a_search_over_chunks_takes_the_evaluations_of_its_videos_and_chooses_by_its_judge(scene):
    of, truth = scene
    judges = Judges(None, np.ones(1), truth, 3)
    best, chance = (searched(of, judges, "chunk by chunk, best of 4", by) for by in ("truth", "random"))
    assert best["nfe"] == chance["nfe"] == SMALL * of.steps
    assert best["error"][0] <= chance["error"][0]  # of the same first chunks


def test_backtracking_keeps_finished_chunks_bit_for_bit(scene):
    of, truth = scene
    run = Run(of, Judges(None, np.ones(1), truth, 3).named("random", False), 3)
    options = {k: v for k, v in BACKTRACK.items() if k != "name"} | {"cut": "ladder", "n": 2}
    result = drive(strategy("backtrack")(3, of.steps, **options), run)
    (_, _, first), (parent, chunk, count) = result.notes["backtrack"]["rounds"][:2]
    assert first == 1 and parent == 0 and chunk and count
    old, new = (run.states[str(i)][0] for i in range(2))
    kept = FRAMES * (CHUNKS - MADE + chunk)
    assert torch.equal(old[:, :, :kept], new[:, :, :kept]) and not torch.equal(old, new)
    assert len(seen(of, new, 0, MADE)[0]) == 24


def test_what_hardly_moves_is_below_all_others():
    assert np.argmax(gated([3.0, 1.0, 2.0], [0.1, 1.0, 1.0])) == 2


def row(i: int) -> dict:
    """Sixteen videos whose reward orders them as the truth does, in every window."""
    good = np.arange(16.0)
    error = [[16 - g, 17 - g, 18 - g] for g in good]
    return {
        "scene": f"s{i}", "seed": 0, "balls": 1 + i % 2, "autoencoder": [0.1] * 3, "copy": [40.0, 50.0, 60.0],
        "constant_velocity": [20.0] * 3, "window_4": [[9.0] * 3] * 2,
        "pool": {"nfe": 48, "cpu_s": 1.0, "reward": good.tolist(), "error": error, "lost": [[0.0] * 3] * 16,
                 "area": [[0.9 + g / 100] * 3 for g in good], "motion": [1 + g / 100 for g in good],
                 "windows": [[g] * 3 for g in good]},
        "searches": {f"{arm}/{by}": {"error": [1.0, 2.0, 3.0], "nfe": 192, "cpu_s": 4.0}
                     for arm, (_, ways) in SEARCHES.items() for by in ways},
    }  # fmt: skip


def test_the_tables_compare_at_equal_cost_and_tell_every_gate():
    found = tables.tables([row(i) for i in range(4)], {"auc": 1.0})
    assert all(found["gates"].values()) and found["ranking"]["whole video"]["mean"] == pytest.approx(1)
    by = {(r["search"], r["by"]): r for r in found["searches"]}
    assert by["best of 16 whole videos", "reward"]["mean"] == pytest.approx(2)
    against = by["chunk by chunk, best of 4", "reward"]["against"]
    assert against["equal_nfe"]["n"] == against["equal_seconds"]["n"] == 4
    assert against["large"]["mean"] == pytest.approx(0) and against["equal_nfe"]["mean"] < 0
    page = tables.section(found)
    assert "not met" not in page and "backtrack, ladder" in page


def test_where_films_break_is_told_by_the_map(scene):
    _, truth = scene
    reward, film = VJEPA2Reward.load("tiny", stride=4), truth.seen().video
    above = 1.5 * searches.level(reward, [film])
    broken = film.copy()
    broken[20:] = 255 - broken[20:]
    judge = Judges(reward, above, truth, 0).named("reward", True)
    good, bad = judge([film, broken], 0)
    assert bad["break"] in (19, 20, 21) and bad["break"] < good["frames"] and bad["reward"] < good["reward"]


@pytest.mark.judges("magi")
def test_the_tiny_magi_follows_a_ball_better_than_constant_velocity_and_loses_none():
    model, made, straight, lost = load("tiny-magi"), [], [], []
    for prompt, truth in scenes(12)[::2]:  # those with one ball
        of = model.given(prompt.text, truth.given, prompt.id)
        films = seen(of, advance(of, noise(of, [0, 1]), 0, of.steps), 0, MADE)
        found = [errors(film, truth, 1)[0] for film in films]
        made += [by_chunk(e) for e in found]
        lost += [(e >= LOST).mean() for e in found]
        straight.append(by_chunk(baselines(truth)["constant_velocity"]))
    assert (np.mean(made, 0) < np.mean(straight, 0)).all() and np.mean(lost) < 0.05
