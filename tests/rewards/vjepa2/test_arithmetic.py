"""What a V-JEPA 2 score computes, against the network itself on the meta device."""

import pytest

from raysearch import rewards
from raysearch.rewards.vjepa2.arithmetic import ENCODERS, encoder, score_flop


def settings(**spec):
    return rewards.settings({"name": "vjepa2", **spec})


def test_windows_are_those_of_the_convention():
    giant = settings(model="vitg384", preset="wmreward")
    one, all_ = score_flop(giant, 16, 16), score_flop(giant, 97, 16)
    assert all_ == pytest.approx(11 * one)  # 97 frames, windows of 16, stride 8
    assert score_flop(settings(model="vitg384", preset="wmreward", frames={"fps": 8}), 97, 16) == pytest.approx(5 * one)
    assert score_flop(settings(model="tiny"), 97, 16) is None and encoder("facebook/vjepa2-vitg-fpc64-384").side == 384


def test_the_count_is_that_of_the_network_itself():
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import VJEPA2Config, VJEPA2Model

    of = ENCODERS["facebook/vjepa2-vitl-fpc64-256"]
    with torch.device("meta"), torch.no_grad():
        network = VJEPA2Model(VJEPA2Config(
            hidden_size=of.width, num_hidden_layers=of.layers, num_attention_heads=16, mlp_ratio=of.ratio,
            crop_size=of.side, frames_per_clip=16, attn_implementation="sdpa",
        )).eval()  # fmt: skip
        with FlopCounterMode(display=False) as counted:
            network.encoder(torch.empty(1, 16, 3, of.side, of.side))
    assert of.flop(16) == pytest.approx(counted.get_total_flops(), rel=0.02)
    assert of.parameters == pytest.approx(sum(p.numel() for p in network.parameters()), rel=0.03)
