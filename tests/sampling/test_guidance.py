"""Guides through the code that a replica runs: what they move, what they leave, and on the shipped pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from raysearch.errors import UsageError
from raysearch.generators.diffusers import DiffusersModel
from raysearch.moves import Guide, Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling import kernels
from raysearch.sampling.guidance import _remedy, acts, view
from raysearch.sampling.workers import RewardWorker, address, reduce, run_move
from raysearch.search.guides import PRESETS
from tests.sampling.test_guided_sampling import critic

CPU = torch.device("cpu")
SCENE = Prompt("s", "a ball", scene="one_ball", scene_seed=1000)
GUIDES = [Guide("mean", 0.3), Guide("full", 0.3), Guide("full", 0.3, inner=2), Guide("mean", 20.0, norm="plain")]
guides = pytest.mark.parametrize("guide", GUIDES, ids=lambda g: f"{g.name}-{g.norm}-{g.inner}")


class Broad:
    """A generator of a few numbers with a crooked network; the first two columns are held."""

    steps = 5

    def draw(self, noise):
        x = torch.randn(1, 3, 4, 4, generator=noise)
        x[..., :2] = 0.25
        return x

    def denoise(self, x, k, noise, grad=False):
        return torch.where(torch.arange(4) < 2, x, torch.tanh(1.7 * x).roll(1, 2) + 0.3)

    def decode(self, x0, noise, grad=False):
        return torch.sigmoid(x0)

    def path(self, k):
        return 1 - (1 - k / 5), 1 - k / 5, (k + 1) / 5, 1 - (k + 1) / 5


def brightness(v):
    return v.square().mean()


def moved(guide, to=5, kernel=Kernel(), parent=None, seed=(0, 0, 0), generator=None, **more):  # noqa: B008
    with torch.no_grad():
        move = Move("parent" if parent else None, seed, to, kernel, guide, **more)
        return run_move(generator or Broad(), move, Prompt("p", "x"), parent, CPU, critic(brightness))


@guides
@pytest.mark.parametrize("kernel", [Kernel(), Kernel("ddim_eta", 0.8), Kernel("flow_sde", 0.7)], ids=lambda k: k.name)
def test_a_guide_raises_the_reward_and_leaves_held_positions(guide, kernel):
    plain, ratio, nfe = moved(None, kernel=kernel)
    there, guided_ratio, guided_nfe = moved(guide, kernel=kernel)
    assert brightness(torch.from_numpy(there.x).sigmoid()) > brightness(torch.from_numpy(plain.x).sigmoid()) + 1e-3
    assert (there.x[..., :2] == plain.x[..., :2]).all() and (there.x[..., 2:] != plain.x[..., 2:]).all()
    assert ratio == 0 and (guided_ratio != 0) == kernel.stochastic
    assert nfe == 5 and guided_nfe == (5 if guide.name == "mean" else 5 * (1 + guide.inner))


@guides
def test_strength_zero_and_steps_outside_the_window_change_no_bit(guide):
    kernel = Kernel("ddim_eta", 0.8)
    plain = moved(None, kernel=kernel)[0]
    for idle in (replace(guide, scale=0.0), replace(guide, window=(0.3, 0.4)), replace(guide, strict=True)):
        chosen = Kernel() if idle.strict else kernel
        expected = moved(None, kernel=chosen)[0] if idle.strict else plain
        found, ratio, nfe = moved(idle, kernel=chosen)
        assert (found.x == expected.x).all() and (found.x0 == expected.x0).all() and (ratio, nfe) == (0.0, 5)
    noisy_only = moved(replace(guide, strict=True), kernel=kernel)[0]
    assert (noisy_only.x != plain.x).any() and (noisy_only.x != moved(guide, kernel=kernel)[0].x).any()


@pytest.mark.parametrize("kernel", [Kernel("ddim_eta", 0.8), Kernel("flow_sde", 0.7), Kernel("cps", 0.5)], ids=str)
@pytest.mark.parametrize("clip", [None, 0.4])
@guides
def test_the_clipped_shift_is_the_proposal(guide, clip, kernel):
    """log p - log q by the densities themselves, with both means recovered from states."""
    half, _, _ = moved(None, to=2, kernel=kernel)
    seed = (0, 1, 0)
    guide = replace(guide, clip=clip)
    there, ratio, _ = moved(guide, 3, kernel, half, seed)
    plain, _, _ = moved(None, 3, kernel, half, seed)
    path = Broad().path(2)
    sd = float(kernels.coefficients(kernel, path, 0.5)[2])
    z = kernels.normal(torch.from_numpy(half.x), address(Prompt("p", "x"), seed, "step", 2)).double().numpy()
    free = np.arange(4) >= 2
    x, q_mean, p_mean = (v[..., free] for v in (there.x.astype(float), there.x - sd * z, plain.x - sd * z))
    log_p, log_q = (-((x - m) ** 2).sum() / (2 * sd**2) for m in (p_mean, q_mean))
    assert ratio == pytest.approx(log_p - log_q, abs=2e-4, rel=1e-4)
    size = np.sqrt(((q_mean - p_mean) ** 2).sum()) / sd
    assert size == pytest.approx(0.4, abs=1e-4) if clip else size > 0.41


@guides
def test_a_guided_chain_cut_in_two_is_the_unsplit_one(guide):
    guide = replace(guide, every=2, window=(0.2, 1.0))
    assert [k for k in range(5) if acts(guide, Kernel(), Broad().path(k), k, 5)] == [1, 3]
    for kernel in (Kernel(), Kernel("2m")):
        whole, _, nfe = moved(guide, kernel=kernel)
        half, _, first = moved(guide, 2, kernel)
        rest, _, second = moved(guide, 5, kernel, half)
        assert (rest.x == whole.x).all() and (rest.x0 == whole.x0).all() and nfe == first + second


class Staggered(Broad):
    """The second of three frames is a step ahead of the others and finishes first: its last step has no noise."""

    def path(self, k):
        s = torch.tensor([1 - k / 5, max(0.0, 1 - (k + 1) / 5), 1 - k / 5]).reshape(3, 1, 1)
        s1 = torch.tensor([1 - (k + 1) / 5, max(0.0, 1 - (k + 2) / 5), 1 - (k + 1) / 5]).reshape(3, 1, 1)
        return 1 - s, s, 1 - s1, s1


@guides
def test_frames_that_pause_or_have_no_noise_are_left_alone_by_a_strict_guide(guide):
    kernel, strict = Kernel("ddim_eta", 0.8), replace(guide, strict=True)
    for start, still in ((3, "lands"), (4, "pauses")):
        parent = moved(None, start, kernel, generator=Staggered())[0]
        plain, there, loose = (
            moved(g, start + 1, kernel, parent, (0, 1, 0), Staggered())[0].x for g in (None, strict, guide)
        )
        assert (there[:, 1] == plain[:, 1]).all(), still
        assert (loose[:, 1] != plain[:, 1]).any() == (still == "lands")
    assert (there[:, [0, 2]] == plain[:, [0, 2]]).all()  # the last step has no noise at all
    third = moved(strict, 4, kernel, moved(None, 3, kernel, generator=Staggered())[0], (0, 1, 0), Staggered())[0].x
    assert (third[:, 0, :, 2:] != moved(None, 4, kernel, generator=Staggered())[0].x[:, 0, :, 2:]).all()


def test_relative_steps_have_the_published_length():
    half, _, _ = moved(None, to=4)
    free = np.arange(4) >= 2

    def length(a, b):
        return np.linalg.norm((a - b)[..., free]) / np.linalg.norm(b[..., free])

    plain, near, far = (moved(g, 5, parent=half)[0] for g in (None, Guide("mean", 0.01), Guide("mean", 0.02)))
    assert length(near.x0, plain.x0) == pytest.approx(0.01, rel=1e-4)
    assert length(far.x0, plain.x0) == pytest.approx(0.02, rel=1e-4)


def test_travelling_repeats_the_step_with_new_noise_and_claims_no_correction():
    kernel, guide = Kernel("ddim_eta", 0.8), Guide("mean", 0.3)
    once, ratio, nfe = moved(guide, kernel=kernel)
    twice, uncorrected, more = moved(replace(guide, travel=1), kernel=kernel)
    assert ratio != 0 and uncorrected == 0 and more == 2 * nfe
    assert (twice.x != once.x).any() and (twice.x[..., :2] == once.x[..., :2]).all()
    again, *_ = moved(replace(guide, travel=1), kernel=kernel)
    assert (again.x == twice.x).all()


def test_log_ratios_and_evaluations_add_up_over_steps():
    """A chain of Moves of one step each has the sum of what its Moves have; its noise is addressed by the same seed."""
    for guide in (Guide("mean", 0.3), Guide("full", 0.3)):
        kernel = Kernel("ddim_eta", 0.8)
        whole, ratio, nfe = moved(guide, kernel=kernel)
        state, ratios, evaluations = None, [], 0
        for to in range(1, 6):
            state, one, more = moved(guide, to, kernel, state)
            ratios, evaluations = [*ratios, one], evaluations + more
        assert (state.x == whole.x).all() and sum(r != 0 for r in ratios) == 4  # the last step lands on the data
        assert ratio == pytest.approx(sum(ratios), abs=1e-5) and nfe <= evaluations <= nfe + 4


def test_a_slope_that_is_not_finite_is_an_error_not_a_video():
    with torch.no_grad(), pytest.raises(ArithmeticError, match="not finite at step 0"):
        move = Move(None, (0,), 5, guide=Guide("mean", 0.1))
        run_move(Broad(), move, Prompt("p", "x"), None, CPU, lambda v: (0.0, np.full(v.shape, np.nan)))


def test_a_guide_without_a_reward_or_an_autoencoder_says_so():
    with torch.no_grad(), pytest.raises(UsageError, match="no reward here to ask"):
        run_move(Broad(), Move(None, (0,), 5, guide=Guide("mean", 0.1)), Prompt("p", "x"), None, CPU)
    with pytest.raises(UsageError, match=r"shrink=0.5, .* need a generator with a diffusers autoencoder"):
        moved(Guide("mean", 0.1, shrink=0.5))


class Greedy(Broad):
    """Its decoder asks for an exbibyte: a true failure to allocate."""

    def decode(self, x0, noise, grad=False):
        return x0 * torch.empty(1 << 60, dtype=torch.uint8)


def test_a_guide_that_runs_out_of_memory_says_what_takes_less():
    told = r"'full'.*Try under search.guide: recompute=true, chunk=2, shrink=0.5, name=mean, .*preset lean"
    with pytest.raises(MemoryError, match=told):
        moved(Guide("full", 0.1), generator=Greedy())
    with pytest.raises(MemoryError, match=r"'mean'.* Try under search.guide: recompute=true, chunk=2, shrink=0.5; "):
        moved(Guide("mean", 0.1), generator=Greedy())
    assert "already take the least" in _remedy(PRESETS["lean"])


@pytest.fixture(scope="module")
def pair():
    from raysearch.config import tiny_defaults
    from raysearch.config.settings import Job

    torch.set_num_threads(1)
    job = Job()
    tiny_defaults(job)
    job.generator.steps = 4
    return DiffusersModel.load(job.generator).on(SCENE), RewardWorker([{"name": "vjepa2", "stride": 1}], 1)


def filmed(pair, guide, kernel=Kernel(), slot=0):  # noqa: B008
    """State and reward of a guided video of the shipped pair."""
    generator, worker = pair
    with torch.no_grad():
        move = Move(None, (0, 0, slot), 4, kernel, guide)
        state, ratio, _ = run_move(generator, move, SCENE, None, CPU, worker.gradient, worker.size())
        frames = generator.decode(torch.from_numpy(state.x0), torch.Generator())
        return state, worker.score(reduce(frames, worker.size()), SCENE)[0]["vjepa2"], ratio


def mean_reward(pair, guide):
    """Over three draws: one alone may fall."""
    return np.mean([filmed(pair, guide, slot=slot)[1] for slot in range(3)])


@pytest.mark.judges("generator", "worldmodel")
def test_on_the_shipped_pair_guides_raise_the_reward_of_the_world_model(pair):
    (plain, *_), before = filmed(pair, None), mean_reward(pair, None)
    held = (plain.x0 == plain.x) & (plain.x0 == filmed(pair, None, Kernel("ddim_eta", 0.7))[0].x)
    for guide, gain in ((Guide("mean", 0.05), 0.01), (Guide("full", 0.02), 0.1)):
        state, *_ = filmed(pair, guide)
        assert mean_reward(pair, guide) > before + gain, guide
        with torch.no_grad():
            a, b = (pair[0].draw(torch.Generator().manual_seed(k)).numpy() for k in (0, 1))
        assert (state.x[a == b] == plain.x[a == b]).all() and (state.x[a != b] != plain.x[a != b]).mean() > 0.99
    assert held.any()


def test_recomputing_changes_no_bit_and_smaller_decodes_do_something_else(pair):
    once = Guide("full", 0.02, (0.2, 0.4))  # the second of four steps
    plain, economical = (filmed(pair, g)[0] for g in (once, replace(once, recompute=True)))
    assert (plain.x == economical.x).all()
    for guide in (replace(once, shrink=0.5), replace(once, chunk=3)):
        other = filmed(pair, guide)[0]
        assert (other.x != plain.x).any()
        assert np.corrcoef(other.x.ravel(), plain.x.ravel())[0, 1] > 0.5
    assert pair[0].pipe.vae.decode(torch.zeros(1, 96, 9, 4, 4)).sample.shape == (1, 3, 17, 32, 32)  # as before


def test_the_gradient_sees_what_the_reward_sees(pair):
    frames = torch.rand(17, 3, 48, 40)
    seen = view(frames, 32).permute(0, 2, 3, 1).numpy()
    assert np.abs(seen * 255 - reduce(frames, 32)).max() <= 0.5 + 1e-3
    worker = pair[1]
    value, slope = worker.gradient(view(frames, 32).numpy())
    assert value == pytest.approx(worker.score(reduce(frames, 32), SCENE)[0]["vjepa2"], abs=0.05)
    up = view(frames, 32).numpy() + 0.02 * slope / np.abs(slope).max()
    assert worker.gradient(up)[0] > value
