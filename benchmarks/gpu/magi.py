"""MAGI-1 4.5B with random weights: seconds and memory of a chunk, for several particles in one call.

A chunk takes 64 steps. In those where it is nearly noise the network runs three times, in the others once; one step of
each kind is measured, and the seconds of a chunk are their sum over the table of times.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from benchmarks.gpu.meter import measured
from benchmarks.gpu.parts import Place, Row
from raysearch.generators.magi1.checkpoint import cast
from raysearch.generators.magi1.memo import Memo
from raysearch.generators.magi1.network import Network
from raysearch.generators.magi1.shape import MAGI_4_5B, Architecture
from raysearch.generators.magi1.stages import FRAMES, Stages
from raysearch.generators.magi1.text import null_caption
from raysearch.generators.magi1.times import blurred, table
from raysearch.generators.magi1.velocity import Velocity

TINY = Architecture(2, 64, 8, 4, 8, 96, condition=16, caption=32, captions=60, bands=1)
PAST, EACH, WORDS = 3, 64, 200  # finished chunks before the one that is made, its steps, tokens of its caption


def chunk(place: Place, particles: int) -> list[Row]:
    """The second chunk after two finished ones, of so many particles."""
    a, side = (MAGI_4_5B, 90) if place.full else (TINY, 4)
    with torch.no_grad():
        velocity = _velocity(place, a)
        x = torch.randn(particles, a.latent, FRAMES * (PAST + 1), side, side, device=place.device)
        first = PAST * EACH  # the chunk's own first step, with window 1
        guided = int(blurred(table(EACH)).sum())  # the last state is finished and has t = 1
        rows = []
        for what, k, count in (("guided: 3 passes", first, guided), ("1 pass", first + EACH - 1, EACH - guided)):
            row = measured(place.device, lambda k=k: velocity(x, k))
            rows.append({"what": f"a step, {what}, of which a chunk takes {count}", **row})
        whole = guided * rows[0]["seconds"] + (EACH - guided) * rows[1]["seconds"]
    peak = max(row["peak_gb"] for row in rows)
    each = {"seconds": whole, "seconds_each": whole / particles, "peak_gb": peak}
    return [*rows, {"what": f"a chunk of {EACH} steps", **each}]


def _velocity(place: Place, a: Architecture) -> Velocity:
    with torch.device("meta"):
        network = Network(a)
    dtype = torch.bfloat16 if place.full else torch.float32
    network.load_state_dict(cast(_weights(a, place.device), dtype, torch.device(place.device)), assign=True)
    network.eval().requires_grad_(False)
    stages = Stages(PAST + 1, 0, EACH, 1)
    tokens = torch.randn(WORDS if place.full else 5, a.caption, device=place.device)
    rows = {c: torch.arange(len(tokens), device=place.device) for c in range(stages.chunks)}
    return Velocity(network, stages, network.read(tokens, rows), null_caption(network, stages.chunks), False, Memo(16))


def _weights(a: Architecture, device: str) -> Iterator[tuple[str, torch.Tensor]]:
    """One at a time, of about the size that keeps activations at 1."""
    torch.manual_seed(0)
    for name, shape in a.tensors():
        if name == "rope.bands":
            yield name, 0.5 ** torch.arange(1.0, shape[0] + 1, device=device)
        elif len(shape) == 1:
            yield name, torch.zeros(shape, device=device)
        else:
            yield name, torch.randn(shape, device=device) / math.sqrt(math.prod(shape[1:]))
