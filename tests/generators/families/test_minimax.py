"""What MiniMax-H3 makes of frames and sizes, as its own blocks do."""

import diffusers
import pytest

from raysearch.generators.families.minimax import AUTOENCODERS, canvas
from tests.zoo import minimax


def test_the_autoencoder_is_as_it_is_built():
    (declared,) = AUTOENCODERS
    vae = minimax.vae()
    chunks = declared.chunks(vae.config)
    assert declared.covers(vae.config) == (vae.temporal_compression_ratio, vae.spatial_compression_ratio) == (4, 8)
    assert (chunks.frames, chunks.rest) == (vae.config.clip_length, vae.tokens_chunk_size)
    assert declared.covers({}) == (4, 16) and declared.chunks({}) == (17, 5, 5, 2)  # the published one
    assert declared.always == vae.tokens_chunk_size + vae.token_overlap


@pytest.mark.parametrize("latents", [7, 12, 37])
def test_latents_are_those_that_the_autoencoder_decodes_to_so_many_frames(latents):
    import torch

    vae = minimax.vae()
    chunks = AUTOENCODERS[0].chunks(vae.config)
    with torch.no_grad():
        frames = vae.decode(torch.zeros(1, 4, latents, 2, 2), return_dict=False)[0].shape[2]
    n = (latents - chunks.rest_latents) // chunks.latents
    assert latents == n * chunks.latents + chunks.rest_latents and frames == n * chunks.frames + chunks.rest


def test_without_a_size_an_image_gets_the_models_own_at_its_aspect():
    pipe = diffusers.MiniMaxH3ModularPipeline()
    assert canvas(pipe, {}, (1080, 1920)) == (768, 1344) and canvas(pipe, {}, (500, 500)) == (768, 768)
    assert canvas(pipe, {"height": 32, "width": 64}, (500, 500)) == (32, 64)
