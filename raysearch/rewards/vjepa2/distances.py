"""Distances between predicted and true features, of a window in one number or token by token.

Both are layer-normed without parameters over the features, as in the published reward; `l1` takes the prediction as it
is, as in the training of V-JEPA. They are computed in fp32 at least, whatever the type of the network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from raysearch.rewards.vjepa2.convention import Convention


def surprise(guess: Tensor, target: Tensor, by: Convention) -> Tensor:
    """The surprise [B] of features [B, tokens, D]: 1 - cosine, in [0, 2], or the mean absolute difference, at least 0.

    Args:
        guess: the predicted features.
        target: the true features.
        by: which distance, along which axis, and which share of the tokens counts.
    """
    if by.distance == "cosine" and by.cosine == "tokens":
        return 1 - F.cosine_similarity(norm(guess), norm(target), dim=1, eps=1e-8).mean(1)
    each = by_token(guess, target, by)
    counted = max(1, round(by.worst * each.shape[1]))
    return (each.topk(counted, dim=1).values if by.worst < 1 else each).mean(1)


def by_token(guess: Tensor, target: Tensor, by: Convention) -> Tensor:
    """The surprise of every token, [B, tokens], whose mean over all tokens is the surprise with worst = 1.

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
    share: Tensor = (unit[0] * unit[1]).mean(2)
    return 1 - guess.shape[1] * share


def norm(features: Tensor) -> Tensor:
    """Layer norm over the last axis without parameters, in fp32 at least."""
    return F.layer_norm(fp32(features), (features.shape[-1],))


def fp32(x: Tensor) -> Tensor:
    """The tensor in fp32, or in its own type where that is wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
