"""The denoising loss of a finished clip, against its definition in units of the noise."""

import pytest
import torch

from raysearch.sampling.likelihood import denoising_losses

SHAPE = (1, 2, 3)


class Biased:
    """A denoiser that knows the clip and is off by `bias`; a flow path of four steps. Remembers what it was shown."""

    steps = 4

    def __init__(self, x0, bias, path=None):
        self.x0, self.bias, self.seen = x0, bias, {}
        self._path = path or (lambda k: (k / 4, 1 - k / 4, (k + 1) / 4, 1 - (k + 1) / 4))

    def denoise(self, x, k, noise, grad=False):
        self.seen[k] = x
        return self.x0 + self.bias

    def path(self, k):
        return self._path(k)


def at(purpose, k):
    return torch.Generator().manual_seed(100 * k + len(purpose))


NONE = torch.zeros(SHAPE, dtype=torch.bool)


def test_the_loss_is_the_error_of_the_noise_and_of_a_flow_1_minus_sigma_times_that_of_the_velocity():
    x0, bias = torch.randn(SHAPE), torch.full(SHAPE, 0.5)
    found = denoising_losses(Biased(x0, bias), x0, NONE, [0, 1, 3], at)
    eps = torch.randn(SHAPE, generator=at("likephys", 3))
    x, a, s = 0.75 * x0 + 0.25 * eps, 0.75, 0.25
    guess = (x - a * (x0 + bias)) / s
    assert found[2] == pytest.approx((eps - guess).square().mean().item(), rel=1e-4)
    velocity = bias / s  # v = (x - x0) / sigma, so an error of x0 is one of v times sigma
    assert found[2] == pytest.approx(((1 - s) * velocity).square().mean().item(), rel=1e-5)
    assert found[0] == 0.0, "pure noise shows nothing of the clip"
    assert denoising_losses(Biased(x0, 0.0), x0, NONE, [1, 2], at) == [0.0, 0.0]


def test_held_positions_are_shown_clean_and_do_not_count():
    x0, held = torch.randn(SHAPE), torch.zeros(SHAPE, dtype=torch.bool)
    held[..., 0] = True
    bias = torch.tensor([100.0, 1.0, 1.0]).expand(SHAPE)
    generator = Biased(x0, bias)
    (loss,) = denoising_losses(generator, x0, held, [2], at)
    assert loss == pytest.approx(1.0) and torch.equal(generator.seen[2][..., 0], x0[..., 0])
    assert not torch.equal(generator.seen[2][..., 1], x0[..., 1])


def test_of_chunks_only_the_frames_that_the_step_moves_count():
    x0 = torch.randn(SHAPE)
    done, moving, later = (1.0, 0.0), (0.5, 0.5), (0.0, 1.0)

    def path(k):
        now = torch.tensor([done, moving, later])
        then = torch.tensor([done, (0.75, 0.25), later])
        return now[:, 0], now[:, 1], then[:, 0], then[:, 1]

    bias = torch.tensor([7.0, 2.0, 9.0]).expand(SHAPE)
    generator = Biased(x0, bias, path)
    (loss,) = denoising_losses(generator, x0, NONE, [1], at)
    assert loss == pytest.approx(4.0) and torch.equal(generator.seen[1][..., 0], x0[..., 0])


def test_candidates_of_a_prompt_share_their_noise():
    one, other = torch.randn(SHAPE), torch.randn(SHAPE)
    shown = [Biased(x0, 0.0) for x0 in (one, other)]
    for generator in shown:
        denoising_losses(generator, generator.x0, NONE, [2], at)
    assert torch.allclose(shown[0].seen[2] - 0.5 * one, shown[1].seen[2] - 0.5 * other)
