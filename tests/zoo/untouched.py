"""What an untouched pipeline makes by itself."""

from __future__ import annotations

from typing import Any

import torch

from raysearch.generators import families
from raysearch.generators.blocks import is_modular


def frames_of(stock: Any, **call: Any) -> torch.Tensor:
    """The video of the untouched pipeline; a modular one runs without the blocks whose results are given."""
    if not is_modular(type(stock)):
        made = stock(**call)
        return made.video if families.of(type(stock)).single else made.frames[0]
    blocks = stock.blocks.get_workflow("fl2va" if "image" in call else "t2va")
    if "prompt_embeds" in call:
        del blocks.sub_blocks["text_encoder"]
    whole = blocks.init_pipeline()
    whole.update_components(**{name: part for name, part in stock.components.items() if name in whole.components})
    whole.set_progress_bar_config(disable=True)
    return whole(**{name: value for name, value in call.items() if value is not None}, output="videos")[0]
