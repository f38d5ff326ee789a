"""Moves on a generator of a few numbers: positions that are held are asked for once, and stay."""

import gc

import pytest
import torch

from raysearch.moves import Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling import move as moving
from raysearch.sampling.move import held, run_move

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
