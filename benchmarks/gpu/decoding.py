"""Seconds and memory of decoding a video: whole, in tiles, from smaller latents, and by a tiny decoder."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.gpu import models
from benchmarks.gpu.meter import measured
from benchmarks.gpu.parts import Place, Row
from raysearch import devices
from raysearch.generators.gradient import economical

WAYS: tuple[tuple[str, dict[str, Any], float], ...] = (  # name, settings of `generator`, scale of the latents
    ("whole", {}, 1.0),
    ("latents at half their height and width", {}, 0.5),
    ("in tiles", {"tiling": True}, 1.0),
)


def decode(place: Place, hub: str) -> list[Row]:
    """Every way in turn; one that does not fit leaves the others standing."""
    return [{"what": name, **_way(place, hub, settings, shrink)} for name, settings, shrink in WAYS]


def _way(place: Place, hub: str, settings: dict[str, Any], shrink: float) -> Row:
    generator, noise = models.build(hub, place, settings).given("", None, "benchmark"), torch.Generator()
    with torch.no_grad(), economical(generator, shrink=shrink):
        x = generator.draw(noise.manual_seed(0))
        try:
            return measured(place.device, lambda: generator.decode(x, noise), 1)
        except (RuntimeError, MemoryError) as error:
            if not devices.out_of_memory(error):
                raise
    return {"note": "does not fit into the memory of this device"}
