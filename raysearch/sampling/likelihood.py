"""How well a generator denoises a finished clip: the loss of LikePhys (2510.11512), by the four methods alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from raysearch.generators import Generator


def denoising_losses(
    generator: Generator, x0: torch.Tensor, held: torch.Tensor, steps: Sequence[int],
    noise: Callable[[str, int], torch.Generator],
) -> list[float]:  # fmt: skip
    """The mean squared error of the noise that the network sees in noised latents, at each of some steps.

    With x = a*x0 + s*eps the network's guess of eps is (x - a*x0_hat) / s, so the error is a/s (x0 - x0_hat); for flow
    models this is (1 - sigma) times the error of the velocity. It is taken over the latent frames that the step moves
    and that are not held, so that a generator of chunks is judged chunk by chunk.

    Args:
        generator: of the prompt.
        x0: latents of the finished clip, [1, ...].
        held: where the pipeline holds conditions, of the shape of x0.
        steps: at whose levels to judge.
        noise: a CPU generator for a purpose and a step. Give all candidates of a prompt the same noise: the loss
            differs more between draws of the noise than between clips.
    """
    losses = []
    for k in steps:
        a, s, a_next, s_next = (torch.as_tensor(level).to(x0) for level in generator.path(k))
        eps = torch.randn(x0.shape, generator=noise("likephys", k)).to(x0)
        x = torch.where(held, x0, a * x0 + s * eps)
        with torch.no_grad():
            guess = generator.denoise(x, k, noise("likephys call", k))
        counted = ~held & torch.broadcast_to((s > 0) & ((a != a_next) | (s != s_next)), x0.shape)
        error = (a / s.clamp_min(torch.finfo(x0.dtype).tiny) * (x0 - guess))[counted]
        losses.append(error.square().mean().item())
    return losses
