"""Moves on a generator of a few numbers: positions that are held are asked for once, and stay."""

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch

from raysearch.moves import Guide, Kernel, Move
from raysearch.prompts import Prompt
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
@pytest.mark.parametrize("kernel", [Kernel(), Kernel("2m"), Kernel("ddim_eta", 0.7)], ids=lambda k: k.name)
def test_a_child_begins_with_the_evaluation_that_its_parent_carries(kernel, guide):
    """Bit for bit what it would have computed, whoever paid for it; only a guide that needs the graph pays again."""
    generator = Noisy()
    for to in (1, 2, 3):
        parent, _, first = moved(generator, Move(None, (0, 0), to, kernel))
        assert first == to + 1 and generator.calls == [*range(to + 1)]
        unscored, _, same = moved(generator, Move(None, (0, 0), to, kernel, score=False))
        assert same == first and unscored.to_bytes() == parent.to_bytes()
        child = Move("parent", (0, 1), 4, kernel, guide)
        generator.calls.clear()
        carried, ratio, paid = moved(generator, child, State.from_bytes(parent.to_bytes()))
        alone, also, more = moved(generator, child, replace(parent, x0=None))
        assert carried.to_bytes() == alone.to_bytes() and ratio == also
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
        assert state.to_bytes() == end.to_bytes()
    assert generator.calls == whole.calls == [0, 1, 2, 3] * 3


def test_a_state_shows_itself_and_a_move_that_goes_nowhere_shows_the_same():
    generator = Noisy()
    half = moved(generator, Move(None, (0, 0), 2))[0]
    with torch.no_grad():
        own = generator.denoise(torch.from_numpy(half.x), 2, moving.address(PROMPT, (0, 0), "call", 2))
    assert (half.x0 == own.numpy()).all() and half.last is None
    same, _, nfe = moved(generator, Move("half", (9, 9), 2), half)
    assert nfe == 0 and same.to_bytes() == half.to_bytes()
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


def moved(generator, move, parent=None):
    with torch.no_grad():
        return run_move(generator, move, PROMPT, parent, CPU, lambda seen: (0.0, np.ones_like(seen)))
