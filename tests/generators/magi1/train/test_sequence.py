"""The forward pass of training is that of the sampler's network, with a mask in place of runs of chunks."""

import pytest
import torch

from raysearch.generators.magi1.times import CLEAN
from raysearch.generators.magi1.train import flow, sizes
from raysearch.generators.magi1.train.sequence import velocities

BATCH = 6


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = sizes.network()
    for p in net.parameters():
        p.data.add_(0.05 * torch.randn(p.shape))
    return net


def made(first, seed=4):
    g = torch.Generator().manual_seed(seed)
    z, image = torch.randn(BATCH, 4, sizes.LATENT, 6, 4, 4, generator=g), torch.randn(BATCH, sizes.LATENT, 4, 4)
    return flow.sequence(z, torch.arange(BATCH) % 2 == 0, image, first, g)[0]


@pytest.mark.parametrize("first", [0, 1])
def test_it_equals_the_network_that_samples(net, first):
    s = made(first)
    texts = [net.y_embedder.null_caption_embedding, *flow.captions()]
    v = velocities(net, s, texts)
    checked = 0
    for b in range(BATCH):
        allow, clean = s.allow[b], 3
        for j in range(s.predicted):
            others = [
                i for i in range(s.predicted) if i != j and (allow[clean + j, clean + i] or allow[clean + i, clean + j])
            ]
            if others:
                continue  # in flight together, which the next test looks at
            past = [i for i in range(clean) if allow[clean + j, i]]
            place = first + j
            null = net.read(texts[0], dict.fromkeys(range(4), torch.arange(len(texts[0]))))
            kept = [net.remember(s.chunks[b : b + 1, i], i, CLEAN, null, bool(s.dropped[b, i])) for i in past]
            read = texts[s.read[b, clean + j]]
            words = net.read(read, {place: torch.arange(len(read))})
            alone = net(
                s.chunks[b : b + 1, clean + j, None], s.t[b, clean + j, None], place, words,
                bool(s.dropped[b, clean + j]), [past[0] if past else place], kept,
            )  # fmt: skip
            torch.testing.assert_close(v[b, j], alone[0, 0], rtol=1e-4, atol=1e-4)
            checked += 1
    assert checked > BATCH


def test_chunks_in_flight_see_each_other_noisy(net):
    texts = [net.y_embedder.null_caption_embedding, *flow.captions()]
    drawn = ((made(1, seed), b) for seed in range(40) for b in range(BATCH))
    s, b = next((s, b) for s, b in drawn if s.allow[b, 3:, 3:].sum() == 6)  # all three in flight
    place = [1, 2, 3]
    past = [i for i in range(3) if s.allow[b, 3, i] or s.allow[b, 4, i] or s.allow[b, 5, i]]
    null = net.read(texts[0], dict.fromkeys(range(4), torch.arange(len(texts[0]))))
    kept = [net.remember(s.chunks[b : b + 1, i], i, CLEAN, null, bool(s.dropped[b, i])) for i in past]
    read = texts[s.read[b, 3]]
    words = net.read(read, dict.fromkeys(place, torch.arange(len(read))))
    seen = []
    for row in s.allow[b, 3:]:
        clean, noisy = ([i for i in range(3) if row[at + i]] for at in (0, 3))
        seen.append(min([*clean, *(1 + i for i in noisy)]))
    whole = net(s.chunks[b : b + 1, 3:], s.t[b, 3:], 1, words, bool(s.dropped[b, 3]), seen, kept)
    torch.testing.assert_close(velocities(net, s, texts)[b], whole[0], rtol=1e-4, atol=1e-4)
