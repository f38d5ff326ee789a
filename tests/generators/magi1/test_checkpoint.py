"""Weights from disk are those that were written, in the dtypes in which they are computed, fp8 multiplied out."""

import pytest
import torch

from raysearch.generators.magi1.checkpoint import load_network, load_vae
from raysearch.generators.magi1.folder import checkpoint
from tests.generators.magi1 import tiny

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shards_come_together(folder, dtype):
    network = load_network(checkpoint(str(folder)), dtype, CPU)
    for name, weight in tiny.network_weights(tiny.TINY).items():
        loaded = network.get_parameter(name)
        exact = loaded.dtype == torch.float32
        assert torch.equal(loaded, weight if exact else weight.to(dtype)) and not loaded.requires_grad
    kinds = {name.split(".")[-2] for name, p in network.named_parameters() if p.dtype == torch.bfloat16}
    if dtype == torch.bfloat16:
        assert {"q", "linear_proj", "linear_fc2", "q_layernorm_xattn", "layer_norm"} <= kinds
        assert not kinds & {"q_layernorm", "self_attn_post_norm", "final_layernorm", "x_embedder", "rope"}


def test_fp8_is_multiplied_out(tmp_path):
    deep = tiny.Architecture(3, 64, 8, 4, 8, 96, condition=16, caption=32, captions=60, bands=1)
    folder = tiny.write(tmp_path, deep, "4.5B_distill_quant", "inference_weight.fp8.distill", fp8=True)
    network = load_network(checkpoint(str(folder)), torch.float32, CPU)
    plain = tiny.network_weights(deep)
    worst = {name: float((p - plain[name]).norm() / plain[name].norm()) for name, p in network.named_parameters()}
    rounded = {name for name, by in worst.items() if by > 1e-6}
    assert rounded == {n for n in worst if ".layers.1." in n and n.split(".")[-2] in
                       ("q", "qx", "k", "v", "linear_proj", "linear_fc1", "linear_fc2")}  # fmt: skip
    assert max(worst.values()) < 0.05  # e4m3 has three bits of mantissa


def test_the_autoencoder_is_loaded_whole(folder):
    vae = load_vae(checkpoint(str(folder)), torch.float32, CPU)
    for name, weight in tiny.vae_weights(tiny.TINY_VAE).items():
        assert torch.equal(vae.get_parameter(name), weight)
