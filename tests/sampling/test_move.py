"""Moves on a generator of a few numbers: positions that are held are asked for once, and stay."""

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch

from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling import kernels
from raysearch.sampling import move as moving
from raysearch.sampling.move import held, run_move
from raysearch.sampling.state import State

CPU, PROMPT = torch.device("cpu"), Prompt("p", "x")


class Small:
    """Two held columns of four; counts its draws."""

    steps = 4

    def __init__(self):
        self.draws = 0

    def draw(self, noise):
        self.draws += 1
        x = torch.randn(1, 3, 4, generator=noise)
        x[..., :2] = 0.25
        return x

    def denoise(self, x, k, noise, grad=False):
        return torch.where(torch.arange(4) < 2, x, torch.tanh(x))

    def decode(self, x0, noise, grad=False):
        return x0.sigmoid()

    def path(self, k):
        return k / 4, 1 - k / 4, (k + 1) / 4, 1 - (k + 1) / 4


class Telling(Small):
    """Says by itself which positions it holds: only the first column."""

    def held(self):
        return (torch.arange(4) < 1).expand(1, 3, 4)


def carried(generator, *args, parent=None, **options):
    with torch.no_grad():
        return run_move(generator, Move("parent" if parent else None, *args, **options), PROMPT, parent, CPU)[0]


@pytest.mark.parametrize("change", [{"mutate": 0.5}, {"back": 1}], ids=str)
def test_held_positions_are_found_by_four_draws_once_and_never_moved(change):
    generator, kernel = Small(), Kernel("ddim_eta", 0.7)
    parent = carried(generator, (0, 0), 2, kernel)
    first = carried(generator, (0, 1), 2, kernel, parent=parent, **change)
    drawn = generator.draws
    assert drawn == 1 + 4
    again = carried(generator, (0, 1), 2, kernel, parent=parent, **change)
    assert generator.draws == drawn and (again.x == first.x).all()
    assert (first.x[..., :2] == parent.x[..., :2]).all() and (first.x[..., 2:] != parent.x[..., 2:]).all()


def test_a_generator_may_tell_what_it_holds():
    assert held(Telling()).sum() == 3 and held(Small()).sum() == 6
    parent = carried(Telling(), (0, 0), 0)
    mutated = carried(Telling(), (0, 1), 0, parent=parent, mutate=0.5)
    assert (mutated.x[..., 0] == parent.x[..., 0]).all() and (mutated.x[..., 1:] != parent.x[..., 1:]).all()


def test_what_is_kept_of_a_generator_goes_with_it():
    generator = Small()
    held(generator)
    key = id(generator)
    assert key in moving._HELD
    del generator
    gc.collect()
    assert key not in moving._HELD


class Noisy(Small):
    """Draws random numbers in each network call and in each decode, and counts the calls."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def denoise(self, x, k, noise, grad=False):
        self.calls.append(k)
        noisy = super().denoise(x + 0.1 * torch.randn(x.shape, generator=noise), k, noise, grad)
        return torch.where(torch.arange(4) < 2, x, noisy)

    def decode(self, x0, noise, grad=False):
        return (x0 + 0.1 * torch.randn(x0.shape, generator=noise)).sigmoid().expand(2, 3, 3, 4)


@pytest.mark.parametrize("guide", [None, Guide("mean", 0.3), Guide("full", 0.3)], ids=["free", "mean", "full"])
@pytest.mark.parametrize(
    "kernel", [Kernel(), Kernel("2m"), Kernel("unipc"), Kernel("ddim_eta", 0.7)], ids=lambda k: k.name
)
def test_a_child_begins_with_the_evaluation_that_its_parent_carries(kernel, guide):
    """Bit for bit what it would have computed, whoever paid for it; only a guide that needs the graph pays again."""
    generator = Noisy()
    for to in (1, 2, 3):
        parent, _, first = moved(generator, Move(None, (0, 0), to, kernel))
        assert first == to + 1 and generator.calls == [*range(to + 1)]
        unscored, _, same = moved(generator, Move(None, (0, 0), to, kernel, score=False))
        assert same == first and bits(unscored) == bits(parent)
        child = Move("parent", (0, 1), 4, kernel, guide)
        generator.calls.clear()
        carried, ratio, paid = moved(generator, child, State.from_bytes(parent.to_bytes()))
        alone, also, more = moved(generator, child, replace(parent, x0=None))
        assert bits(carried) == bits(alone) and ratio == also
        again = guide is not None and guide.name == "full"
        assert paid == (2 * (4 - to) if again else 4 - to - 1) and more == paid + (not again)
        generator.calls.clear()


def test_a_chain_of_many_moves_is_the_unsplit_one_and_makes_no_call_twice():
    generator, whole, state = Noisy(), Noisy(), None
    for kernel in (Kernel(), Kernel("2m"), Kernel("ddim_eta", 0.7)):
        end = moved(whole, Move(None, (0, 0), 4, kernel))[0]
        state = None
        for to in (1, 2, 3, 4):
            state = moved(generator, Move(None if state is None else "parent", (0, 0), to, kernel), state)[0]
        assert bits(state) == bits(end)
    assert generator.calls == whole.calls == [0, 1, 2, 3] * 3


def test_a_state_shows_itself_and_a_move_that_goes_nowhere_shows_the_same():
    generator = Noisy()
    half = moved(generator, Move(None, (0, 0), 2))[0]
    with torch.no_grad():
        own = generator.denoise(torch.from_numpy(half.x), 2, moving.address(PROMPT, (0, 0), "call", 2))
    assert (half.x0 == own.numpy()).all() and half.last is None
    same, _, nfe = moved(generator, Move("half", (9, 9), 2), half)
    assert nfe == 0 and bits(same) == bits(half)
    noise = moved(generator, Move(None, (0, 0), 0, score=False))[0]
    assert noise.x0 is None and moved(generator, Move(None, (0, 0), 0))[0].x0 is not None


def test_mutation_moves_the_noise_component_of_the_state_itself():
    """x = a*x0_hat + s*e with x0_hat of x: after e' = sqrt(1 - beta^2) e + beta*noise nothing else has changed."""
    generator, beta, step = Noisy(), 0.6, 2
    half = moved(generator, Move(None, (0, 0), step, Kernel("ddim_eta", 0.7)))[0]
    for parent, paid in ((half, 1), (replace(half, x0=None), 2)):
        mutant, _, nfe = moved(generator, Move("half", (0, 1), step, mutate=beta, score=False), parent)
        a, s = generator.path(step)[:2]
        e = (half.x - a * half.x0) / s
        noise = torch.randn(half.x.shape, generator=moving.address(PROMPT, (0, 1), "mutate", step)).numpy()
        wanted = a * half.x0 + s * ((1 - beta**2) ** 0.5 * e + beta * noise)
        free = half.x0 != half.x
        assert np.allclose(mutant.x[free], wanted[free], atol=1e-6) and (mutant.x[~free] == half.x[~free]).all()
        assert nfe == paid and mutant.seed == (0, 1)


def test_an_address_has_more_than_32_bits(monkeypatch):
    """Addresses whose digests agree in their last, or first, 32 bits have different noise, of the right law."""

    def draw(digest):
        monkeypatch.setattr(moving, "digest", lambda parts: digest)
        return torch.randn(20_000, generator=moving.address(PROMPT, (0,), "step", 0))

    base, first, last = draw("0" * 24 + "12345678"), draw("1" + "0" * 23 + "12345678"), draw("0" * 24 + "12345679")
    assert torch.equal(base, draw("0" * 24 + "12345678"))
    assert abs(base.mean()) < 0.03 and abs(base.std() - 1) < 0.03
    for other in (first, last):
        assert abs(float(torch.corrcoef(torch.stack([base, other]))[0, 1])) < 0.03


def test_every_part_of_an_address_matters():
    def first(prompt, seed, purpose, step):
        return float(torch.rand(1, generator=moving.address(prompt, seed, purpose, step)))

    other = Prompt("q", "x")
    places = [(PROMPT, (0, 1), "step", 2), (other, (0, 1), "step", 2), (PROMPT, (0, 2), "step", 2),
              (PROMPT, (0, 1), "call", 2), (PROMPT, (0, 1), "step", 3)]  # fmt: skip
    assert len({first(*place) for place in places}) == 5 and first(*places[0]) == first(*places[0])


def test_each_step_draws_noise_of_its_own_move_and_step():
    kernel, paths = Kernel("renoise"), Small()
    half = carried(Small(), (0, 0), 2, kernel)
    for k in (0, 1):
        before = carried(Small(), (0, 0), k, kernel)
        x0 = np.where(np.arange(4) < 2, before.x, np.tanh(before.x))
        after = carried(Small(), (0, k + 1), k + 1, kernel, parent=before)
        a1, s1 = paths.path(k)[2:]
        z = torch.randn(1, 3, 4, generator=moving.address(PROMPT, (0, k + 1), "step", k)).numpy()
        assert np.allclose(after.x[..., 2:], (a1 * x0 + s1 * z)[..., 2:], atol=1e-6)
    drawn = Small().draw(moving.address(PROMPT, (0, 0), "draw", 0)).numpy()
    assert (carried(Small(), (0, 0), 0).x == drawn).all() and half.step == 2


@pytest.mark.parametrize("name", ["mean", "full"])
def test_a_guided_step_draws_noise_of_its_own_move_too(name):
    generator, kernel = Small(), Kernel("renoise")
    parent, _, _ = moved(generator, Move(None, (0, 0), 1, kernel))
    one, two = (moved(generator, Move("p", (0, i), 2, kernel, Guide(name, 0.3)), parent)[0].x for i in (1, 2))
    z1, z2 = (torch.randn(1, 3, 4, generator=moving.address(PROMPT, (0, i), "step", 1)).numpy() for i in (1, 2))
    apart = float(generator.path(1)[3]) * (z1 - z2)
    assert abs(apart[..., 2:]).min() > 1e-3 and np.allclose((one - two)[..., 2:], apart[..., 2:], atol=1e-5)


def test_the_second_order_kernel_looks_back_on_the_step_before():
    generator, x, history = Small(), torch.from_numpy(carried(Small(), (0, 0), 0).x), None
    for k in range(4):
        x0 = generator.denoise(x, k, None)
        x, _ = kernels.step(Kernel("2m"), x, x0, generator.path(k), None, k / 3, history)
        history = (x0, generator.path(k))
    end = carried(Small(), (0, 0), 4, Kernel("2m"))
    assert np.allclose(end.x, x.numpy(), atol=1e-6) and not np.allclose(end.x, carried(Small(), (0, 0), 4).x, atol=1e-3)


@pytest.mark.parametrize(("start", "back"), [(4, 1), (2, 1), (2, 0), (2, 2)])
def test_going_back_by_hand(start, back):
    kernel = Kernel("ddim_eta", 0.7)
    parent = carried(Small(), (0, 0), start, kernel)
    found = carried(Small(), (0, 1), back, kernel, parent=parent, back=back)
    (a, s), (a1, s1) = ((k / 4, 1 - k / 4) for k in (start, back))
    keep = 1.0 if start == back else a1 / a
    z = torch.randn(1, 3, 4, generator=moving.address(PROMPT, (0, 1), "back", back)).numpy()
    wanted = keep * parent.x + max(s1**2 - (keep * s) ** 2, 0.0) ** 0.5 * z
    assert np.allclose(found.x[..., 2:], wanted[..., 2:], atol=1e-6) and (found.x[..., :2] == parent.x[..., :2]).all()
    assert found.step == back and found.seed == (0, 1) and found.last is None


def test_moves_that_a_generator_cannot_make_are_refused():
    parent = carried(Small(), (0, 0), 2)
    for options, told in (
        ({"to": 5}, "from step 2 to 5, but the generator has steps 0 to 4"),
        ({"to": 1}, "from step 2 to 1"),
        ({"to": 4, "back": 3}, "back=3: a Move can go back only to a step from 0 to its parent's, 2"),
        ({"to": 4, "back": -1}, "back=-1"),
    ):
        with pytest.raises(UsageError, match=told):
            moved(Small(), Move("parent", (0, 1), **options), parent)


def test_only_what_will_be_read_is_evaluated():
    """The end is not, nor is pure noise that nobody scores; after a step with noise nothing is looked back on."""
    for to, score, calls, kept in ((0, False, [], False), (0, True, [0], True), (2, False, [0, 1, 2], True),
                                   (4, True, [0, 1, 2, 3], True)):  # fmt: skip
        generator = Noisy()
        state, _, nfe = moved(generator, Move(None, (0, 0), to, Kernel("2m"), score=score))
        assert generator.calls == calls and nfe == len(calls) and (state.x0 is not None) == kept
        assert (state.last is not None) == (to == 2)
    for kernel in (Kernel(), Kernel("ddim_eta", 0.7)):
        assert moved(Noisy(), Move(None, (0, 0), 2, kernel))[0].last is None


def test_the_end_shows_the_video_it_landed_on_and_a_frame_that_is_still_noise_shows_nothing():
    class Chunked(Small):
        """The first row of latents begins at once, the others two steps later."""

        def path(self, k):
            late = [max(0.0, (k - 2) / 2), max(0.0, (k - 1) / 2)]
            a, a1 = (torch.tensor([now, *[then] * 2]).reshape(3, 1)
                     for now, then in zip((min(1.0, k / 2), min(1.0, (k + 1) / 2)), late, strict=True))  # fmt: skip
            return a, 1 - a, a1, 1 - a1

    half = carried(Chunked(), (0, 0), 2)
    seen = moving.shown(Chunked(), half).numpy()
    assert (seen[:, 0] == half.x0[:, 0]).all() and (seen[:, 1:] == 0).all()
    end = carried(Chunked(), (0, 0), 4)
    assert (moving.shown(Chunked(), end).numpy() == end.x0).all()
    noise = carried(Chunked(), (0, 0), 0)
    assert (moving.shown(Chunked(), noise).numpy() == noise.x0).all()
    assert moving.shown(Chunked(), carried(Chunked(), (0, 0), 0, score=False)) is None


def test_pure_noise_is_mutated_by_draws_of_the_generator_and_a_finished_video_not_at_all():
    class Scaled(Small):
        """Its noise has a standard deviation of 40, as on the path (1, s)."""

        def draw(self, noise):
            return 40.0 * torch.randn(1, 3, 4, generator=noise)

        def path(self, k):
            return 1.0, 40.0 * (1 - k / 4), 1.0, 40.0 * (1 - (k + 1) / 4)

    parent = carried(Scaled(), (0, 0), 0, score=False)
    mutant = carried(Scaled(), (0, 1), 0, parent=parent, mutate=0.6, score=False)
    fresh = Scaled().draw(moving.address(PROMPT, (0, 1), "mutate", 0)).numpy()
    assert np.allclose(mutant.x, 0.8 * parent.x + 0.6 * fresh, atol=1e-4)
    end = carried(Small(), (0, 0), 4)
    same = carried(Small(), (0, 1), 4, parent=end, mutate=0.6)
    assert (same.x == end.x).all() and (same.x0 == end.x0).all()


def moved(generator, move, parent=None):
    with torch.no_grad():
        return run_move(generator, move, PROMPT, parent, CPU, lambda seen: (0.0, np.ones_like(seen)))


def bits(state):
    return state.step, state.seed, *(v if v is None else v.tobytes() for v in (state.x, state.x0, state.last))
