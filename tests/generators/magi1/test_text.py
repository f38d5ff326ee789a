"""Captions: what stands in front of them, and what the network is given."""

import pytest
import torch

from raysearch.errors import UsageError
from raysearch.generators.magi1 import text
from raysearch.generators.magi1.folder import checkpoint
from raysearch.generators.magi1.stages import Stages
from tests.generators.magi1 import cases, tiny
from tests.generators.magi1.cases import error


def test_a_caption_is_cleaned_as_published():
    assert text.cleaned("A Red Ball\u4e00, see https://a.com/b.png &amp; <b>rolls</b>!") == "a red ball, see rolls!"


def test_each_chunk_is_told_what_is_still_to_come():
    net = cases.network(tiny.network_weights(tiny.TINY))
    noise = torch.Generator().manual_seed(0)
    tokens, special = torch.randn(3, 32, generator=noise), torch.randn(100, 32, generator=noise)
    stages = Stages(12, 12, 8, 1)
    words = text.caption(net, tokens, special, stages, True, True)
    for c in range(12):
        left = min(12 - 1 - max(c, 2), 7)
        alone = net.read(torch.cat([special[[7 + left, 1]], tokens]), {0: torch.arange(5)})
        for layer in range(2):
            for a, b in zip(words.of(layer, c), alone.of(layer, 0), strict=True):
                assert error(a, b) < 1e-5
    assert len(words.layers[0][0]) == 3 + 1 + 8  # every token is read once
    plain = text.caption(net, tokens, None, stages, False, False)
    assert all(len(plain.rows[c]) == 3 for c in range(12))


def test_a_long_caption_is_cut_behind_the_tokens():
    net = cases.network(tiny.network_weights(tiny.TINY))
    words = text.caption(net, torch.ones(text.LENGTH, 32), torch.ones(100, 32), Stages(1, 0, 8, 1), True, True)
    assert len(words.rows[0]) == text.LENGTH


def test_without_a_caption_stand_the_first_null_tokens():
    net = cases.network(tiny.network_weights(tiny.TINY))
    words = text.null_caption(net, 2)
    alone = net.read(net.y_embedder.null_caption_embedding[:50], {0: torch.arange(50)})
    assert torch.equal(words.of(1, 1)[0], alone.of(1, 0)[0]) and len(words.of(0, 0)[0]) == 50


def test_special_tokens_are_rounded_and_those_of_another_model_refused(folder, tmp_path):
    of = checkpoint(str(folder))
    tokens = text.special_tokens(of.tokens, of)
    assert tokens.shape == (100, 32) and torch.equal(tokens, tokens.half().float())
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    with pytest.raises(UsageError, match="holds no other_tokens"):
        text.special_tokens(tmp_path / "bad.npz", of)
