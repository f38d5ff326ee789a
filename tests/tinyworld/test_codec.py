"""The codec of the tiny pipeline."""

import numpy as np
import pytest
import torch

import raysearch.tinyworld.codec  # noqa: F401
from benchmarks.gates import LIMITS
from raysearch.tinyworld import weights
from raysearch.tinyworld.codec import TinyPatchCodec
from raysearch.tinyworld.heldout import condition
from raysearch.tinyworld.train import codec as codec_training
from raysearch.tinyworld.train.data import clips, to_float
from raysearch.tinyworld.truth import measure


@pytest.fixture(scope="module")
def codec() -> TinyPatchCodec:
    torch.set_num_threads(1)
    return TinyPatchCodec.from_pretrained(weights("generator") / "vae").eval()


def test_the_codec_keeps_what_matters(codec):
    assert codec_training.psnr(codec, n=50) > LIMITS["codec_db"]
    errors = []
    for seed in range(8):
        truth = condition("one_ball", seed)
        with torch.no_grad():
            decoded = codec(to_float(truth.video[None]))[0]
        video = ((decoded.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).numpy()
        errors.append(measure(video, truth)["trajectory_error"])
    assert np.mean(errors) < 0.3


def test_codec_and_latent_scale_belong_together(codec):
    video = clips(5, 0, 16, 17)[0]
    z = codec.encode(video).latent_dist.mode() / codec.latents_std.view(1, -1, 1, 1, 1)
    assert 0.5 < z.square().mean() < 2.0
