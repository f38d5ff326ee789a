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

from raysearch.moves import Seed


@dataclass(frozen=True)
class State:
    """A particle between two Moves.

    A state that is not finished carries the network evaluation with which every Move from it begins, so that a score
    is about the state itself and no child repeats the evaluation. That doubles its size; with the second-order kernel
    `2m` it is three times that of the latents.

    Attributes:
        x: latents at `step`, fp32 [1, ...].
        step: from 0 (pure noise) to the number of steps (finished).
        seed: of the Move that made x; it addresses the noise of the evaluation and of the decoder.
        x0: x0_hat of x itself; of a finished state the video that the last step landed on; None of pure noise that
            was not scored.
        last: x0_hat of the state one step before, where the kernel is `2m` and may look back on it; else None.
    """

    x: np.ndarray
    step: int
    seed: Seed = ()
    x0: np.ndarray | None = None
    last: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        """Size of all its arrays."""
        return sum(array.nbytes for array in self._arrays().values())

    def to_bytes(self) -> bytes:
        """The state as a safetensors file."""
        meta = {"state": json.dumps({"step": self.step, "seed": self.seed})}
        return save({k: np.ascontiguousarray(v) for k, v in self._arrays().items()}, meta)

    @staticmethod
    def from_bytes(data: bytes) -> State:
        """The inverse of `to_bytes`. Raises KeyError for states of journal format 1, whose x0 lags a step."""
        arrays = load(data)
        length = int.from_bytes(data[:8], "little")
        meta = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["state"])
        return State(arrays["x"], meta["step"], tuple(meta["seed"]), arrays.get("x0"), arrays.get("last"))

    def _arrays(self) -> dict[str, np.ndarray]:
        parts = {"x": self.x, "x0": self.x0, "last": self.last}
        return {name: array for name, array in parts.items() if array is not None}


class Store:
    """States by handle in a folder. Equal handles mean equal content: of two writers (a hedge) either may be last."""

    def __init__(self, url: str):
        self.url = url
        self._fs, self._root = fsspec.core.url_to_fs(url)

    def save(self, key: str, state: State) -> None:
        self._fs.makedirs(self._root, exist_ok=True)
        partial = f"{self._root}/.{key}.{secrets.token_hex(4)}.partial"
        self._fs.pipe_file(partial, state.to_bytes())
        self._fs.mv(partial, self._path(key))

    def load(self, key: str) -> State | None:
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
