"""The autoencoder against the published one, whole and in tiles."""

import pytest
import torch

from raysearch.generators.magi1.tiles import Tiles, tiled
from raysearch.generators.magi1.vae import SCALE
from tests.generators.magi1.cases import small_vae

LATENTS = Tiles((12, 32, 32), (1 / 4, 1 / 8, 1 / 8), blended_first=True)
PIXELS = Tiles((3, 4, 4), (4, 8, 8))


@pytest.fixture(scope="module")
def vae():
    return small_vae()


@pytest.mark.parametrize(("given", "answer"), [("video16", "z16"), ("video8", "z8"), ("image", "zimg")])
def test_a_tile_is_encoded_as_published(vae, reference, given, answer):
    assert (vae.encoder(reference[f"vae.{given}"]) - reference[f"vae.{answer}"]).abs().max() < 1e-5


@pytest.mark.parametrize(("given", "answer"), [("z16", "dec16"), ("z8", "dec8")])
def test_a_tile_is_decoded_as_published(vae, reference, given, answer):
    assert (vae.decoder(reference[f"vae.{given}"]) - reference[f"vae.{answer}"]).abs().max() < 1e-5


def test_tiles_are_blended_as_published_on_both_ways(vae, reference):
    assert vae.shape.tile == (12, 32, 32)
    z = reference["vae.z_t"]
    assert (tiled(reference["vae.video_t"], vae.encoder, LATENTS) - z[:, :, :3]).abs().max() < 1e-5
    for latents, name in ((z, "dec_t"), (z[:, :, :4], "dec_t4")):
        pixels = tiled(latents, vae.decoder, PIXELS)[..., ::2]
        answer = reference[f"vae.{name}"].float()
        assert pixels.shape == answer.shape and (pixels - answer).abs().max() < 4e-3  # kept in half precision


def test_a_chunk_is_decoded_alone_as_within_the_video(vae, reference):
    z = torch.cat([reference["vae.z_t"][:, :, :6]] * 2, 2) * SCALE
    whole = vae.frames(z)
    assert whole.shape == (48, 3, 64, 48) and whole.min() >= 0 and whole.max() <= 1
    assert torch.equal(whole[24:], vae.frames(z[:, :, 6:]))


def test_latents_are_scaled_and_a_frame_comes_back_as_one(vae, reference):
    z = vae.encode(reference["vae.image"])
    assert z.dtype == torch.float32 and (z / SCALE - reference["vae.zimg"]).abs().max() < 1e-5
    assert len(vae.frames(z)) == 1
