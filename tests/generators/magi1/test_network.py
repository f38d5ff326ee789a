"""The transformer against one published forward pass, and what its parts promise."""

import pytest
import torch

from raysearch.generators.magi1.network import Network
from raysearch.generators.magi1.shape import MAGI_4_5B, MAGI_24B
from raysearch.generators.magi1.velocity import chunked, unchunked
from tests.generators.magi1 import cases, tiny
from tests.generators.magi1.cases import error


@pytest.mark.parametrize("dropped", [False, True])
def test_a_forward_pass_is_the_published_one(reference, small, dropped):
    texts = [reference[f"dit_forward.y.{i}"] for i in range(3)]
    starts = [0, *torch.tensor([len(text) for text in texts]).cumsum(0).tolist()]
    words = small.read(torch.cat(texts), {i: torch.arange(starts[i], starts[i + 1]) for i in range(3)})
    v = small(chunked(reference["dit_forward.x"]), reference["dit_forward.t"][0], 0, words, dropped, [0, 0, 0])
    assert error(unchunked(v), reference[f"dit_forward.v.drop{int(dropped)}"]) <= 1e-5


@pytest.mark.parametrize(("published", "parameters", "tensors"),
                         [(MAGI_4_5B, 4_459_898_128, 898), (MAGI_24B, 23_899_281_936, 1262)])  # fmt: skip
def test_the_published_networks_have_the_published_numbers_of_parameters(published, parameters, tensors):
    with torch.device("meta"):
        network = Network(published)
    assert sum(p.numel() for p in network.parameters()) == parameters == published.parameters
    named = {name: tuple(p.shape) for name, p in network.named_parameters()}
    assert named == dict(published.tensors()) and len(named) == tensors


@pytest.mark.parametrize("architecture", [tiny.TINY, tiny.BIG], ids=["4.5B", "24B"])
def test_remembered_chunks_serve_as_if_they_were_there(architecture):
    """A chunk that was in the call with others sees the same of them when they are given as keys and values."""
    net = cases.network(tiny.network_weights(architecture))
    noise = torch.Generator().manual_seed(0)
    x = torch.randn(1, 2, 16, 6, 4, 6, generator=noise)
    words = net.read(torch.randn(5, 32, generator=noise), {0: torch.arange(3), 1: torch.arange(5)})
    t = torch.tensor([0.9999, 0.2])
    whole = net(x, t, 0, words, True, [0, 0])
    past = net.remember(x[:, 0], 0, 0.9999, words, True)
    rest = net(x[:, 1:], t[1:], 1, words, True, [0], [past])
    assert error(rest, whole[:, 1:]) < 1e-5
    alone = net(x[:, 1:], t[1:], 1, words, True)
    assert error(alone, rest) > 1e-3


def test_only_the_distance_between_chunks_counts():
    net = cases.network(tiny.network_weights(tiny.TINY))
    x = torch.randn(1, 2, 16, 6, 4, 6, generator=torch.Generator().manual_seed(0))
    words = net.read(torch.ones(2, 32), {c: torch.arange(2) for c in range(9)})
    t = torch.tensor([0.4, 0.2])
    assert error(net(x, t, 5, words, False, [5, 5]), net(x, t, 0, words, False, [0, 0])) < 1e-5


def test_the_recomputed_gradient_is_the_plain_one():
    net = cases.network(tiny.network_weights(tiny.TINY))
    words = net.read(torch.ones(2, 32), {0: torch.arange(2)})
    slopes = []
    with torch.enable_grad():
        x = torch.randn(1, 1, 16, 6, 4, 6, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
        y = net(x, torch.tensor([0.2]), 0, words, False)
        slopes.append(torch.autograd.grad(y.square().sum(), x)[0])
        blocks = net.videodit_blocks.layers
        leaf = x.detach().requires_grad_(True)
        tokens, _ = net.tokens(leaf)
        rotation, condition = net._rotation(0, leaf, True), net._condition(torch.tensor([0.2]), False, None)
        for i, block in enumerate(blocks):
            tokens, _ = block(tokens, condition, rotation, [words.of(i, 0)], [], [0])
        out = net.final_linear["linear"](net.videodit_blocks.final_layernorm(tokens.float()))
        slopes.append(torch.autograd.grad(out.square().sum(), leaf)[0])
    assert slopes[0].abs().max() > 0 and torch.allclose(*slopes, rtol=1e-4, atol=1e-6)
