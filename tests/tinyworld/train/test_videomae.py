"""Training of the tiny VideoMAE."""

import torch
import torch.nn.functional as F

import raysearch.tinyworld.codec  # noqa: F401
from raysearch.tinyworld.models import masked_autoencoder
from raysearch.tinyworld.train import videomae as videomae_training


def test_attention_starts_at_the_same_place_in_earlier_tubelets():
    torch.manual_seed(0)
    model = masked_autoencoder()
    videomae_training.look_back(model)
    token = torch.arange(64, 128)
    for place, layer in (
        (model.videomae.embeddings.position_embeddings[0], model.videomae.encoder.layer[0]),
        (model.position_embeddings[0], model.decoder.decoder_layers[-1]),
    ):
        attention, x = layer.attention.attention, F.layer_norm(place, place.shape[-1:])
        q, k = (f(x).unflatten(-1, (attention.num_attention_heads, -1)) for f in (attention.query, attention.key))
        seen = torch.einsum("ihd,jhd->hij", q, k).argmax(-1)
        for head, found in enumerate(seen[:, 64:]):
            assert (found == token - 16 * (head + 1)).float().mean() > 0.9
