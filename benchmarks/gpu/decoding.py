"""Seconds and memory of decoding a video: whole, in tiles, from smaller latents, and by a tiny decoder."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu import models
from benchmarks.gpu.meter import measured
from benchmarks.gpu.parts import Place, Row
from raysearch import devices
from raysearch.generators import tiny_decoder
from raysearch.generators.families import AUTOENCODERS
from raysearch.generators.gradient import economical
from raysearch.generators.tiny_decoder import Layout, TinyDecoder

WAYS: tuple[tuple[str, dict[str, Any], float], ...] = (  # name, settings of `generator`, scale of the latents
    ("whole", {}, 1.0),
    ("latents at half their height and width", {}, 0.5),
    ("in tiles", {"tiling": True}, 1.0),
)


def decode(place: Place, hub: str) -> list[Row]:
    """Every way in turn; one that does not fit leaves the others standing."""
    rows = [{"what": name, **_way(place, hub, settings, shrink)} for name, settings, shrink in WAYS]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "decoder.safetensors"
        tiny_decoder.save(TinyDecoder(layout(hub, place)), file)
        return [*rows, {"what": "a tiny decoder", **_way(place, hub, {"preview": {"decoder": str(file)}}, 1.0)}]


def layout(hub: str, place: Place) -> Layout:
    """Of the published tiny decoder of a model: its widths, or small ones, and what its autoencoder covers."""
    vae = models.autoencoder(hub, Place("meta", place.size))
    channels = vae.config.get("z_dim") or vae.config.get("latent_channels")
    time, space = AUTOENCODERS[type(vae).__name__].covers(vae.config) or (4, 8)
    grows = {1: (1, 1, 1), 2: (1, 1, 2), 4: (1, 2, 2), 8: (2, 2, 2)}[time]
    return Layout(channels, (256, 128, 64, 64) if place.full else (8, 4, 4, 4), grows, space // tiny_decoder.SPACE)


def _way(place: Place, hub: str, settings: dict[str, Any], shrink: float) -> Row:
    generator, noise = models.build(hub, place, settings).given("", None, "benchmark"), torch.Generator()
    previewing = generator.previewing() if "preview" in settings else nullcontext()
    with torch.no_grad(), economical(generator, shrink=shrink), previewing:
        try:
            x = generator.draw(noise.manual_seed(0))
            return measured(place.device, lambda: generator.decode(x, noise), 1)
        except (RuntimeError, MemoryError) as error:
            if not devices.out_of_memory(error):
                raise
    return {"note": "does not fit into the memory of this device"}
