"""The tiny MAGI-1 is written as a published checkpoint, and runs as one."""

import torch

from raysearch import generators
from raysearch.config.settings import GeneratorConfig
from raysearch.generators import feasible
from raysearch.generators.magi1.folder import checkpoint
from raysearch.generators.magi1.train import sizes
from raysearch.prompts import Prompt
from tests.generators.magi1 import tiny


def test_what_is_exported_is_a_checkpoint_of_magi_1(tmp_path):
    torch.manual_seed(0)
    net = sizes.network()
    folder = sizes.export(sizes.autoencoder(), net, tmp_path)
    found = checkpoint(str(folder))
    assert found.architecture == sizes.NETWORK and found.vae_shape == sizes.AUTOENCODER and found.distilled is False
    size = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert size < 15e6
    config = GeneratorConfig(
        name="magi1", model=str(folder), steps=8, chunks=2, fps=24, height=32, width=32,
        call={"window": 1, "quality": False, "duration": False},
    )  # fmt: skip
    prompt = Prompt("p", "two balls")
    feasible.check(config, [prompt])
    generator = generators.load(config).on(prompt)
    x = tiny.chain(generator, generator.draw(torch.Generator().manual_seed(0)))
    assert x.shape == (1, sizes.LATENT, 12, 4, 4) and generator.decode(x, torch.Generator()).shape == (48, 3, 32, 32)


def test_it_begins_without_a_velocity_and_with_open_gates():
    net = sizes.network()
    assert not net.final_linear["linear"].weight.any()
    block = net.videodit_blocks.layers[0]
    assert block.ada_modulate_layer.proj[0].bias.eq(sizes.GATE).all()
    assert block.self_attn_post_norm.weight.eq(sizes.BRANCH).all() and not block.mlp.layer_norm.weight.ne(1).any()
