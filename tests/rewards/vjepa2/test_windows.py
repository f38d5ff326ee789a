"""The same video, the same bits: alone, in company, in any order, remembered; and what happens when memory runs out."""

import atexit
import tempfile
from functools import cache

import numpy as np
import pytest
import torch

from raysearch.errors import UsageError
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.rewards.vjepa2.windows import Batches, Remembered, fitting, keys
from raysearch.tinyworld.heldout import condition
from tests.rewards.vjepa2.small import network


@pytest.fixture(scope="module")
def views() -> list[np.ndarray]:
    """Three lengths and sizes; the first and the last share their first 17 frames, the second is there twice."""
    rng = np.random.default_rng(0)
    long = rng.integers(0, 255, (20, 48, 40, 3), dtype=np.uint8)
    held = condition("two_balls", 3).video
    return [long[:17], held, rng.integers(0, 255, (16, 33, 65, 3), dtype=np.uint8), held, long]


@cache
def folder() -> str:
    kept = tempfile.TemporaryDirectory()
    network().save_pretrained(kept.name)
    atexit.register(kept.cleanup)
    return kept.name


def fresh(batch: int | None = None, **options) -> VJEPA2Reward:
    return VJEPA2Reward.load(folder(), batch=batch, **{"context": 8, "stride": 1, **options})


@pytest.mark.parametrize("options", [{}, {"batch": 5}, {"batch": 3, "dtype": "bfloat16", "distance": "l1"}], ids=str)
def test_the_same_bits_alone_in_company_in_any_order_and_remembered(views, options):
    alone = [fresh(**options).score(v) for v in views]
    reward = fresh(**options)
    assert reward.score_all(views) == alone
    known = reward.remembered.hits
    assert reward.score_all(views) == alone and reward.remembered.hits > known  # all of it remembered
    order = [4, 2, 0, 3, 1]
    assert fresh(**options).score_all([views[i] for i in order]) == [alone[i] for i in order]
    partly = fresh(**options)
    partly.score(views[0])
    assert partly.score_all(views[::-1]) == alone[::-1]  # some windows remembered, the rest in other batches
    assert len({s.value for s in alone}) == 4


def test_copies_and_shared_windows_are_judged_once(views):
    reward, judged = fresh(batch=1), []
    reward.model.encoder.register_forward_pre_hook(lambda m, args: judged.append(args[0].shape[1]))
    reward.score_all(views)
    full = judged.count(16)
    assert full == 2 + 2 + 1 + 3  # of long, the 2 first windows are those of the first; held is there once
    reward.score_all([views[1], views[1]])
    assert judged.count(16) == full
    reward.score(views[1][:, ::-1])  # mirrored: other pixels
    assert judged.count(16) == full + 2


def test_the_shapes_that_the_network_sees_follow_from_the_number_of_windows(views):
    """On many a device the bits of a row depend on how many rows there are: never on the company of a video here."""
    reward, seen = fresh(batch=3), []
    reward.model.encoder.register_forward_pre_hook(lambda m, args: seen.append(tuple(args[0].shape)))
    for count, size in ((1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (7, 3)):
        video = np.random.default_rng(count).integers(0, 255, (15 + count, 32, 32, 3), dtype=np.uint8)
        seen.clear()
        reward.score(video)
        assert set(seen) == {(size, 16, 3, 32, 32), (size, 8, 3, 32, 32)}
        assert seen.count((size, 16, 3, 32, 32)) == -(-count // size)
    seen.clear()
    reward.score_all(views)
    assert {shape[0] for shape in seen} == {1, 2, 3}


@pytest.mark.parametrize(
    "windows, size, want", [(1, 4, 1), (2, 4, 2), (5, 4, 3), (8, 4, 4), (9, 4, 3), (11, 4, 4), (5, 16, 5)]
)
def test_windows_of_a_video_go_in_batches_as_even_as_can_be(windows, size, want):
    assert Batches(size).even(windows) == want


@pytest.mark.parametrize(
    ("count", "size", "filled", "shapes"),
    [
        (7, 3, True, [3, 3, 3]), (7, 3, False, [3, 3, 1]), (6, 3, True, [3, 3]), (5, None, True, [4, 4]),
        (4, 9, True, [4]), (3, None, False, [3]), (0, 2, True, []),
    ],
)  # fmt: skip
def test_batches_are_cut_and_filled_as_told(count, size, filled, shapes):
    seen, waiting = [], iter(range(count))

    def judge(clips):
        seen.append(len(clips))
        return clips.sum(1)

    clips = ((k, torch.full((2,), float(k))) for k in waiting)
    found = Batches(4, filled).run(judge, clips, size)
    if count > 4:
        assert next(found)[0] == 0 and next(waiting) == shapes[0]  # judged as soon as a batch is full
        return
    assert [(k, v.item()) for k, v in found] == [(k, 2.0 * k) for k in range(count)] and seen == shapes


@pytest.mark.parametrize(("count", "size", "filled", "shapes"), [(7, 3, True, [3, 3, 3]), (7, 3, False, [3, 3, 1])])
def test_every_clip_is_judged_once_and_in_order(count, size, filled, shapes):
    seen = []

    def judge(clips):
        seen.append(len(clips))
        return clips.sum(1)

    found = list(Batches(4, filled).run(judge, ((k, torch.full((2,), float(k))) for k in range(count)), size))
    assert [(k, v.item()) for k, v in found] == [(k, 2.0 * k) for k in range(count)] and seen == shapes


def test_no_memory_for_one_is_an_error_with_a_remedy():
    def judge(clips):
        return torch.empty(1 << 60, dtype=torch.uint8)

    with pytest.warns(RuntimeWarning, match="now on 1 windows"), pytest.raises(UsageError, match="a single window"):
        list(Batches(2).run(judge, [(0, torch.ones(2)), (1, torch.ones(2))]))


def test_keys_tell_windows_apart_by_every_pixel():
    frames = np.zeros((5, 4, 6, 3), np.uint8)
    same = keys(frames, range(3), 3)
    assert len(set(same)) == 1
    frames[4, 0, 0, 2] = 1
    assert [a == b for a, b in zip(keys(frames, range(3), 3), same, strict=True)] == [True, True, False]
    assert len({keys(frames[list(order)], [0], 3)[0] for order in ((3, 3, 4), (3, 4, 3), (4, 3, 3))}) == 3
    assert keys(frames.reshape(5, 6, 4, 3), [0], 3) != same[:1] and keys(frames.astype(np.int8), [0], 3) != same[:1]


def test_the_least_recently_used_is_forgotten():
    kept = Remembered(2)
    kept.put(b"a", 1.0)
    kept.put(b"b", 2.0)
    assert kept.get(b"a") == 1.0
    kept.put(b"c", 3.0)
    assert (kept.get(b"b"), kept.get(b"a"), kept.get(b"c"), kept.hits) == (None, 1.0, 3.0, 3)


def greedy(limit: int):
    """Asks the allocator for an exbibyte if more than `limit` windows come at once: a true failure to allocate."""

    def hook(module, args):
        if len(args[0]) > limit:
            torch.empty(1 << 60, dtype=torch.uint8)

    return hook


@pytest.mark.parametrize("limit, size", [(3, 2), (2, 2), (1, 1)])
def test_out_of_memory_halves_the_batch_and_goes_on(views, limit, size):
    want = fresh().score_all(views)
    reward = fresh(batch=7)  # the most windows here are five
    reward.model.encoder.register_forward_pre_hook(greedy(limit))
    with pytest.warns(RuntimeWarning) as told:
        got = reward.score_all(views)
    assert [str(w.message).split("now on ")[1] for w in told] == [f"{size} windows at a time"]
    assert reward.loaded["batch"] == size
    assert [g.value for g in got] == pytest.approx([w.value for w in want], abs=1e-5)


def test_out_of_memory_halves_as_often_as_it_must():
    def judge(clips):
        return clips.sum(1) if len(clips) <= 1 else torch.empty(1 << 60, dtype=torch.uint8)

    batches = Batches(8)
    with pytest.warns(RuntimeWarning) as told:
        found = dict(batches.run(judge, ((k, torch.full((2,), float(k))) for k in range(9)), 5))
    assert [str(w.message).split("now on ")[1].split()[0] for w in told] == ["2", "1"] and batches.size == 1
    assert {k: v.item() for k, v in found.items()} == {k: 2.0 * k for k in range(9)}


def test_no_memory_for_a_single_window_says_what_to_do(views):
    reward = fresh(batch=1)
    reward.model.encoder.register_forward_pre_hook(greedy(0))
    with pytest.raises(UsageError, match=r"reward\.dtype=bfloat16"):
        reward.score(views[1])


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="size"):
        list(Batches(2).run(lambda x: x @ torch.ones(3), [(0, torch.ones(2))]))


@pytest.mark.parametrize(
    "each, room, want", [(10, 100, 8), (10, 35, 2), (10, 1000, 16), (50, 40, 1), (30, 95, 2), (0, 9, 4), (10, 45, 4)]
)
def test_the_batch_that_fits_is_measured_with_one_and_two(each, room, want):
    asked = []

    def peak(n):
        asked.append(n)
        return 5 + each * n

    assert fitting(peak, room, 16) == want and asked == [1, 2]


def test_a_probe_that_runs_out_of_memory_finds_one():
    def peak(n):
        return n if n == 1 else torch.empty(1 << 60, dtype=torch.uint8).numel()

    assert fitting(peak, 1 << 40, 16) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_same_bits_on_a_gpu(views, dtype):
    def made():
        return VJEPA2Reward.load("tiny", device="cuda", dtype=dtype)

    alone = [made().score(v) for v in views]
    assert made().score_all(views) == alone and made().score_all(views[::-1]) == alone[::-1]
    assert made().loaded["batch"] > 1
