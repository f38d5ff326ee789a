"""The four methods: levels by frame, splits over replicas, what is held and what is shown, gradients."""

import numpy as np
import pytest
import torch

from raysearch.moves import Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling.move import held, run_move, shown
from tests.generators.magi1 import tiny

ODE, SDE = Kernel("ode"), Kernel("ddim_eta", 0.7, (0.0, 1.0))
CPU, PROMPT = torch.device("cpu"), Prompt("p", "a ball")


def move(generator, *args, parent=None, **options):
    return run_move(generator, Move("parent" if parent else None, (0, 0), *args, **options), PROMPT, parent, CPU)[0]


def test_a_level_for_every_frame():
    g = tiny.generator(chunks=4, given=8, each=8, window=2)
    assert g.steps == 4 * (3 + 2 - 1)
    a, s, a1, s1 = g.path(5)
    assert a.shape == (1, 1, 24, 1, 1)
    by_chunk = a.flatten().reshape(4, 6)
    t = g.velocity.times.double()
    assert (by_chunk[0] == 1).all() and (by_chunk[1, :2] == 1).all()  # given
    assert (by_chunk[1, 2:] == t[5]).all() and (by_chunk[2] == t[1]).all() and (by_chunk[3] == 0).all()
    assert torch.equal(a + s, torch.ones_like(a)) and torch.equal(a1 + s1, torch.ones_like(a))
    assert (a1.flatten().reshape(4, 6)[1, 2:] == t[6]).all()
    last = g.path(g.steps - 1)[2]
    assert (last == 1).all()


@pytest.mark.parametrize(("window", "given", "kernel"), [(4, 0, ODE), (2, 8, SDE), (1, 6, ODE), (1, 1, SDE)])
def test_steps_split_over_two_fresh_replicas_are_the_unsplit_run(window, given, kernel):
    def fresh():
        return tiny.generator(window=window, given=given, chunks=3, each=4)

    steps = fresh().steps
    whole = move(fresh(), steps, kernel=kernel)
    half = move(fresh(), steps // 2 + 1, kernel=kernel)
    rest = move(fresh(), steps, parent=half, kernel=kernel)
    assert (rest.x == whole.x).all()


def test_given_frames_are_held_whatever_happens_to_the_rest():
    g = tiny.generator(chunks=3, given=8, window=1)
    assert torch.equal(held(g), g.held()) and held(g)[:, :, :8].all() and not held(g)[:, :, 8:].any()
    start = move(g, 12)
    for state in (start, move(g, 12, parent=start, mutate=1.0), move(g, 4, parent=start, back=4), move(g, g.steps)):
        assert (state.x[:, :, :8] == g.given.numpy()).all()


def test_new_noise_for_the_chunks_to_come_leaves_what_is_finished():
    g = tiny.generator(chunks=3, each=8, window=1)
    at = move(g, 8)
    other = move(g, 8, parent=at, mutate=1.0)
    assert (other.x[:, :, :6] == at.x[:, :, :6]).all() and (other.x[:, :, 6:] != at.x[:, :, 6:]).all()


@pytest.mark.parametrize(("window", "kept"), [(1, 2), (2, 1)])
def test_a_video_begun_again_with_its_third_chunk_keeps_what_was_finished_then(window, kept):
    """With two chunks in flight the second one is not finished where the third begins, and is re-noised with it."""
    g = tiny.generator(chunks=3, each=4, window=window)
    begin = g.stages.ends[2] - g.stages.ends[0]
    whole = move(g, g.steps)
    again = run_move(g, Move("parent", (0, 1), g.steps, back=begin), PROMPT, whole, CPU)[0]
    changed = (again.x != whole.x).any((0, 1, 3, 4)).reshape(3, 6)
    assert not changed[:kept].any() and changed[kept:].all()
    one, two = (g.decode(torch.from_numpy(np.array(state.x0)), torch.Generator()) for state in (whole, again))
    assert torch.equal(one[: 24 * kept], two[: 24 * kept]) and not torch.equal(one[24 * kept :], two[24 * kept :])


def test_a_preview_shows_what_is_begun():
    g = tiny.generator(chunks=3, each=8, window=1)
    none = torch.Generator()
    assert len(g.decode(shown(g, move(g, 4)), none)) == 24
    assert len(g.decode(shown(g, move(g, 8)), none)) == 24  # the second chunk is still noise
    assert len(g.decode(shown(g, move(g, 9)), none)) == 48
    done = move(g, g.steps)
    x0 = torch.from_numpy(np.array(done.x0))
    whole = g.decode(x0, none)
    assert len(whole) == 72 and whole.min() >= 0 and whole.max() <= 1
    assert torch.equal(g.decode_chunks(x0, 1, 2, none), whole[24:48])
    assert torch.equal(g.decode_chunks(x0, -1, 2, none), whole[:48])


def test_chunks_are_counted_from_the_first_that_is_made():
    g = tiny.generator(chunks=3, given=6, each=8, window=1)
    x0 = torch.from_numpy(np.array(move(g, g.steps).x0))
    whole = g.decode(x0, torch.Generator())
    assert torch.equal(g.decode_chunks(x0, -1, 1, torch.Generator()), whole[:48])


@pytest.mark.parametrize("window", [4, 1])
def test_the_gradient_reaches_the_chunks_in_flight_alone(window):
    g = tiny.generator(chunks=3, given=6, each=8, window=window)
    k = 8 if window == 1 else 6
    x = torch.from_numpy(np.array(move(g, k).x)).requires_grad_(True)
    with torch.enable_grad():
        x0 = g.denoise(x, k, torch.Generator(), grad=True)
        value = g.decode(x0, torch.Generator(), grad=True).square().mean()
        (slope,) = torch.autograd.grad(value, x)
    flying = [c for c, _ in g.stages.flight(k)]
    by_chunk = [float(part.abs().max()) for part in slope.split(6, 2)]
    assert all((size > 0) == (c in flying) for c, size in enumerate(by_chunk) if c >= flying[0])
    assert by_chunk[0] == 0
    with torch.no_grad():
        assert torch.equal(g.denoise(x.detach(), k, torch.Generator()), x0.detach())


def test_the_slope_is_that_of_the_network():
    g = tiny.generator(chunks=2, each=8, window=1)
    x = g.draw(torch.Generator().manual_seed(0)).requires_grad_(True)
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(g.denoise(x, 0, torch.Generator(), grad=True).sum(), x)
    way = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    way[:, :, 6:] = 0
    eps = 1e-2
    high, low = (g.denoise(x.detach() + sign * eps * way, 0, torch.Generator()).double().sum() for sign in (1, -1))
    assert float((high - low) / (2 * eps)) == pytest.approx(float((slope * way).sum()), rel=2e-2)
