"""A particle's state, and its bytes on disk: safetensors under a folder that any fsspec path can name.

A state is plain numpy, so that Ray shares it without copying. Writing is atomic; what cannot be read counts as absent
and is computed again.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

import fsspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save


@dataclass(frozen=True)
class State:
    """x: latents at `step`, fp32 [1, ...]. x0: the last x0_hat, or None at step 0.

    smooth: whether the last step was deterministic, so that a second-order kernel may look back on x0.
    """

    x: np.ndarray
    step: int
    x0: np.ndarray | None = None
    smooth: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of the latents, and of the last x0_hat where it is kept."""
        return self.x.nbytes + (0 if self.x0 is None else self.x0.nbytes)

    def to_bytes(self) -> bytes:
        """The state as a safetensors file."""
        arrays = {"x": self.x} if self.x0 is None else {"x": self.x, "x0": self.x0}
        meta = {"state": json.dumps({"step": self.step, "smooth": self.smooth})}
        return save({k: np.ascontiguousarray(v) for k, v in arrays.items()}, meta)

    @staticmethod
    def from_bytes(data: bytes) -> State:
        """The inverse of `to_bytes`. Raises ValueError, KeyError or SafetensorError for other bytes."""
        arrays = load(data)
        length = int.from_bytes(data[:8], "little")
        meta = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["state"])
        return State(arrays["x"], meta["step"], arrays.get("x0"), meta["smooth"])


class Store:
    """States by handle in a folder. Equal handles mean equal content: of two writers (a hedge) either may be last."""

    def __init__(self, url: str):
        self.url = url
        self._fs, self._root = fsspec.core.url_to_fs(url)

    def save(self, key: str, state: State) -> None:
        """Write a state, whole or not at all."""
        self._fs.makedirs(self._root, exist_ok=True)
        partial = f"{self._root}/.{key}.{secrets.token_hex(4)}.partial"
        self._fs.pipe_file(partial, state.to_bytes())
        self._fs.mv(partial, self._path(key))

    def load(self, key: str) -> State | None:
        """The state of a key; None if there is none that can be read."""
        try:
            return State.from_bytes(self._fs.cat_file(self._path(key)))
        except (FileNotFoundError, SafetensorError, KeyError, ValueError):
            return None

    def drop(self, keys: list[str]) -> None:
        """Remove those that are there, half-written ones too, in two calls however many: object stores are slow."""
        self._fs.invalidate_cache(self._root)  # others write here
        try:
            names = [path.rsplit("/", 1)[-1] for path in self._fs.ls(self._root, detail=False)]
        except FileNotFoundError:
            return
        dropped = set(keys)
        if gone := [f"{self._root}/{name}" for name in names if name.lstrip(".").partition(".")[0] in dropped]:
            self._fs.rm(gone)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}.safetensors"
