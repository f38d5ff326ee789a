"""A V-JEPA 2 with random weights that takes what the tiny one takes, at a tenth of its cost."""

from functools import cache

import torch
from transformers import VJEPA2Config, VJEPA2Model

from raysearch.tinyworld.models import world_model

WIDTH = 32


@cache
def _config() -> dict:
    return world_model().config.to_dict()


def network(**options) -> VJEPA2Model:
    """Windows of 16 frames of 32 x 32 pixels, 8 tubelets of 16 tokens of WIDTH channels; two layers and two."""
    small = dict(hidden_size=WIDTH, num_hidden_layers=2, pred_hidden_size=WIDTH, pred_num_attention_heads=2,
                 pred_num_hidden_layers=2, initializer_range=0.1)  # fmt: skip
    torch.manual_seed(0)
    model = VJEPA2Model(VJEPA2Config(**_config() | small | options)).eval()
    model.set_attn_implementation("eager")
    return model
