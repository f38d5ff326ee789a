"""Seconds, memory and share of peak of a denoising step, alone, compiled, and for several particles in one call."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.gpu import models
from benchmarks.gpu.meter import measured
from benchmarks.gpu.parts import Place, Row, Unfit
from raysearch.config.settings import GeneratorConfig
from raysearch.generators.cheaper import placement


def step(place: Place, hub: str) -> list[Row]:
    """One step with guidance, as a replica makes it."""
    return [{"what": "a step with guidance", **_timed(place, hub, models.build(hub, place))}]


def compiled(place: Place, hub: str) -> list[Row]:
    """The same step without and with `generator.compile`."""
    rows = [{"what": "as it is", **_timed(place, hub, models.build(hub, place))}]
    return [*rows, {"what": "compiled", **_timed(place, hub, models.build(hub, place, {"compile": True}))}]


def offloaded(place: Place, hub: str) -> list[Row]:
    """The same step with the weights of the network in host memory, block by block on the GPU (generator.offload)."""
    if place.device != "cuda":
        raise Unfit("weights are offloaded from a GPU alone")
    rows = []
    for kind in ("group", "sequential"):
        model = models.build(hub, place)
        model.pipeline.transformer.to("cpu")
        torch.cuda.empty_cache()
        placement.offload(model.pipeline, GeneratorConfig(model=hub, offload=kind), place.device)
        model.offload = torch.device(place.device)
        rows.append({"what": f"offload: {kind}", **_timed(place, hub, model)})
        del model
    return rows


def particles(place: Place, hub: str) -> list[Row]:
    """A forward pass of the network for 1, 2 and 4 particles, without guidance."""
    network = models.build(hub, place).pipeline.transformer
    rows, (frames, height, width) = [], models.MODELS[hub].sizes if place.full else models.MODELS[hub].small
    tokens, channels = models.text_size(hub, network.config)
    kind = models.dtype(place)
    for count in (1, 2, 4):
        x = torch.randn(count, 16, (frames - 1) // 4 + 1, height // 8, width // 8, device=place.device, dtype=kind)
        text = torch.randn(count, tokens, channels, device=place.device, dtype=kind)
        times = torch.full((count,), 500.0, device=place.device)
        flop = models.flop(hub, place)
        with torch.no_grad():
            row = measured(place.device, lambda v=(x, times, text): network(*v, return_dict=False),
                           flop=flop and count * flop / 2)  # fmt: skip
        rows.append({"what": f"{count} particles", **row, "seconds_each": row["seconds"] / count})
    return rows


def _timed(place: Place, hub: str, model: Any) -> Row:
    generator, noise = model.given("", None, "benchmark"), torch.Generator()
    with torch.no_grad():
        x = generator.draw(noise.manual_seed(0))
        k = generator.steps // 2
        return measured(place.device, lambda: generator.denoise(x, k, noise), flop=models.flop(hub, place))
