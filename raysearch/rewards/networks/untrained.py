"""The networks of a reward with the weights they had before training: what a verifier is that knows nothing."""

from __future__ import annotations

import torch
from torch import nn
from transformers import PreTrainedModel

from raysearch.rewards.base import Reward

LARGEST = 2_000_000_000  # parameters of a network of which a second, random copy is made


def randomised(reward: Reward, seed: int = 0) -> bool:
    """Replace the weights of a reward's networks, and of its parts', by fresh ones.

    Args:
        reward: changed in place.
        seed: of the weights.

    Returns:
        Whether it has a network that is small enough.
    """
    done = [randomised(part.reward, seed) for part in getattr(reward, "parts", ())]
    for network in vars(reward).values():
        if isinstance(network, PreTrainedModel) and network.num_parameters() <= LARGEST:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                fresh: nn.Module = type(network)(network.config)
            network.load_state_dict(fresh.state_dict())
            done.append(True)
    return any(done)
