"""The real side of a view, computed once: both takes reduced, and how far they differ. Shared by all models.

A cache file is named by a digest of the clips it was made from (names, sizes, times of change) and of the codec, and is
written whole or not at all; another data set, frame rate or version makes another file. It is a safetensors file that
is mapped, not read: what a hundred models compare with stays in the memory of the system.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

import av
import numpy as np
from safetensors.numpy import save_file

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.evals.physics_iq import clips
from raysearch.evals.physics_iq.layout import View
from raysearch.evals.physics_iq.metrics import Reduced, compare, reduce
from raysearch.moves import digest

ARITHMETIC = 2  # raise when the same clips would give other numbers, or the file changes
TENSORS = tuple(f.name for f in fields(Reduced))


@dataclass(frozen=True)
class Real:
    """The real side of a view.

    Attributes:
        takes: Take 1 and take 2, reduced.
        variance: `compare` of the two takes.
        size: (width, height) that they were reduced to.
    """

    takes: tuple[Reduced, Reduced]
    variance: dict[str, list[float] | float]
    size: tuple[int, int]


def load(view: View, fps: int, cache: str | Path, seconds: float = clips.SECONDS) -> Real:
    """From the cache, made there if it is not. Raises UsageError naming a clip that does not fit."""
    path = Path(cache) / f"{_key(view, fps)}.safetensors"
    if not path.is_file():
        _save(_compute(view, fps, seconds), path)
    held, metadata = _mapped(path)
    takes = [Reduced(list(held[f"frames{k}"]), held[f"masks{k}"], held[f"often{k}"]) for k in (1, 2)]
    return Real((takes[0], takes[1]), json.loads(metadata["variance"]), tuple(json.loads(metadata["size"])))


def cached(view: View, fps: int, cache: str | Path) -> bool:
    """Whether the cache holds the real side of this view."""
    return (Path(cache) / f"{_key(view, fps)}.safetensors").is_file()


def _compute(view: View, fps: int, seconds: float) -> Real:
    found = {k: clips.check(view.real[k], seconds) for k in (1, 2)}
    for k, probe in found.items():
        if probe.fps != fps:
            raise UsageError(f"{view.real[k]}: has {float(probe.fps):g} frames per second, its folder says {fps}")
    width, height = found[1].width // 4, found[1].height // 4
    takes, most = [], clips.count(seconds, fps)
    for k in (1, 2):
        shipped = None
        if k in view.masks:
            shipped = (f[..., 2] for f in clips.frames(view.masks[k], most))
        takes.append(reduce(clips.frames(view.real[k], most), fps, width, height, shipped))
    return Real((takes[0], takes[1]), compare(*takes), (width, height))


def _save(real: Real, path: Path) -> None:
    tensors = {f"{name}{k}": getattr(take, name) for k, take in enumerate(real.takes, 1) for name in TENSORS}
    metadata = {"variance": json.dumps(real.variance), "size": json.dumps(real.size)}
    with storage.making(path) as temporary:
        save_file({n: np.ascontiguousarray(np.stack(t)) for n, t in tensors.items()}, temporary, metadata)


def _key(view: View, fps: int) -> str:
    files = [*view.real.values(), *view.masks.values()]
    seen = [[f.name, f.stat().st_size, f.stat().st_mtime_ns] for f in files]
    return f"{view.id:04d}-{fps}fps-{digest([ARITHMETIC, av.library_versions['libavcodec'][:2], seen])[:16]}"


def _mapped(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Tensors of a safetensors file, and its metadata: eight bytes of length, a header in JSON, the data."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        head = json.loads(file.read(length))
    data, metadata = np.memmap(path, np.uint8, "r", 8 + length), head.pop("__metadata__")
    kinds = {"U8": np.uint8, "I16": np.int16}
    return {
        name: np.asarray(data[slice(*t["data_offsets"])]).view(kinds[t["dtype"]]).reshape(t["shape"])
        for name, t in head.items()
    }, metadata
