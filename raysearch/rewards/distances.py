"""How far the predicted features are from the true ones: of a window in one number, or token by token.

Both are layer-normed without parameters over the features, as the published reward does; `l1` leaves the guess as it
is, as V-JEPA's training does. In fp32 at least, whatever the network computes in.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from raysearch.rewards.convention import Convention


def surprise(guess: Tensor, target: Tensor, by: Convention) -> Tensor:
    """[B] of features [B, tokens, D]: 1 - cosine, in [0, 2], or the mean absolute difference, from 0 on."""
    if by.distance == "cosine" and by.cosine == "tokens":
        return 1 - F.cosine_similarity(norm(guess), norm(target), dim=1, eps=1e-8).mean(1)
    each = by_token(guess, target, by)
    counted = max(1, round(by.worst * each.shape[1]))
    return (each.topk(counted, dim=1).values if by.worst < 1 else each).mean(1)


def by_token(guess: Tensor, target: Tensor, by: Convention) -> Tensor:
    """[B, tokens], whose mean over all tokens is the surprise with worst = 1.

    For the cosine along tokens it is 1 - tokens * (this token's share of the cosine, averaged over channels), which
    may lie outside [0, 2].
    """
    target = norm(target)
    if by.distance == "l1":
        return (fp32(guess) - target).abs().mean(2)
    guess = norm(guess)
    if by.cosine == "features":
        return 1 - F.cosine_similarity(guess, target, dim=2, eps=1e-8)
    unit = [f / f.norm(dim=1, keepdim=True).clamp_min(1e-8) for f in (guess, target)]
    return 1 - guess.shape[1] * (unit[0] * unit[1]).mean(2)


def norm(features: Tensor) -> Tensor:
    return F.layer_norm(fp32(features), (features.shape[-1],))


def fp32(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
