"""Guided Moves through every family of pipelines: one mean and one full step, with every economy of memory."""

import numpy as np
import pytest
import torch

from raysearch.generators.diffusers import DiffusersModel
from raysearch.moves import Guide, Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling.workers import run_move
from tests.zoo.cases import CASES

STEPS, CPU, PROMPT = 3, torch.device("cpu"), Prompt("p", "a red ball rolls left")
NOISY = Kernel("ddim_eta", 0.7)


class Contrast:
    """A reward that prefers strong contrast: the view's mean square, 16 pixels a side."""

    size, asked = 16, 0

    def __call__(self, view):
        v = torch.from_numpy(np.array(view)).requires_grad_(True)
        self.asked += 1
        with torch.enable_grad():
            reward = v.sub(0.5).square().mean()
            (slope,) = torch.autograd.grad(reward, v)
        return reward.item(), slope.numpy()


USUAL = {  # one of every network and autoencoder; the others, which differ in what is given, are slow
    "wan", "vace-continuation", "ltx-condition-continuation", "ltx-2", "minimax-h3-image",
    "cogvideox-image", "hunyuan-image-concatenated",
    "kandinsky-5", "cosmos-2-image", "cosmos-3-image-sound", "skyreels-chunks", "mochi", "sana",
}  # fmt: skip


def params():
    slow = {True: (), False: (pytest.mark.slow,)}
    return [pytest.param(c, id=c.id, marks=slow[c.id in USUAL]) for c in CASES if not c.missing]


@pytest.fixture(scope="module", params=params())
def zoo(request):
    torch.set_num_threads(1)
    case = request.param
    model = DiffusersModel(case.build(), STEPS, 8, **case.call())
    return model.given(PROMPT.text, case.frames(), "p")


def moved(generator, guide, kernel=NOISY):
    critic = Contrast()
    with torch.no_grad():
        move = Move(None, (0, 0, 1), 2, kernel, guide)
        state, ratio, nfe = run_move(generator, move, PROMPT, None, CPU, critic, critic.size)
        return state, ratio, nfe, critic.asked


def test_a_guided_step_moves_what_is_free_and_only_that(zoo):
    window = (0.4, 0.6)  # the second of three steps
    plain, *_ = moved(zoo, None)
    with torch.no_grad():
        a, b = (zoo.draw(torch.Generator().manual_seed(k)).numpy() for k in (0, 1))
    held = a == b
    for name, extra in (("mean", {"shrink": 0.5}), ("full", {"clip": 1.0, "recompute": True})):
        state, ratio, nfe, asked = moved(zoo, Guide(name, 0.05, window, **extra))
        assert np.isfinite(state.x).all() and np.isfinite(ratio) and ratio != 0
        assert (state.x[held] == plain.x[held]).all()
        assert np.abs(state.x - plain.x).max() > 1e-4, "the guide did nothing"
        assert asked == 1 and nfe == (3 if name == "mean" else 4)  # the state at step 2 is evaluated too
