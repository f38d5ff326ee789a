"""A particle's state, and its bytes on disk: safetensors under a folder that any fsspec path can name.

A state is plain numpy, so that Ray shares it without copying. Writing is atomic; what cannot be read, or
is not what its name says (another state, changed bytes) counts as absent and is computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.moves import Seed

MARK = "seen.txt"  # by which a node can tell that it sees the folder of the driver
MOST = 1000  # files that an object store removes in one call


def seal(arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any], key: str) -> bytes:
    """Arrays and plain facts as safetensors, with their key and a SHA-256 of all of it in the metadata."""
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    state = json.dumps(facts, sort_keys=True)
    sealed = {"state": state, "key": key, "sha256": _sum(plain, state, key)}
    return save(plain, {"sealed": json.dumps(sealed)})  # one entry: several would be written in any order


def unseal(data: bytes, key: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The inverse of `seal`. Raises ValueError if the data are damaged, or sealed with another key."""
    try:
        arrays = load(data)
        head = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        told = json.loads(head["__metadata__"]["sealed"])
        sound = told["key"] == key and told["sha256"] == _sum(arrays, told["state"], key)
        facts = json.loads(told["state"])
    except (SafetensorError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no state: {error}") from None
    if not sound:
        raise ValueError("damaged, or another state than its name says")
    return arrays, facts


def _sum(arrays: Mapping[str, np.ndarray], state: str, key: str) -> str:
    found = hashlib.sha256(json.dumps([key, state]).encode())
    for name, array in sorted(arrays.items()):
        found.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        found.update(array.data)
    return found.hexdigest()


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
        last: x0_hat of the state one step before, where the kernel is `2m` and may look back on it; of `unipc` that and
            the correction of x but for its preview, [2, ...]; else None.
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

    def to_bytes(self, key: str = "") -> bytes:
        """The state as a safetensors file, sealed with its key."""
        return seal(self._arrays(), {"step": self.step, "seed": self.seed}, key)

    @staticmethod
    def from_bytes(data: bytes, key: str = "") -> State:
        """The inverse of `to_bytes`.

        Raises:
            ValueError: if the data are damaged or the state of another key.
            KeyError: for states of journal format 1, whose x0 lags a step.
        """
        arrays, facts = unseal(data, key)
        return State(arrays["x"], facts["step"], tuple(facts["seed"]), arrays.get("x0"), arrays.get("last"))

    def _arrays(self) -> dict[str, np.ndarray]:
        parts = {"x": self.x, "x0": self.x0, "last": self.last}
        return {name: array for name, array in parts.items() if array is not None}


class Store:
    """States by handle in a folder. Equal handles mean equal content: of two writers (a hedge) either may be last."""

    def __init__(self, url: str):
        self.url = url
        self._fs, self._root = storage.locate(url)

    def save(self, key: str, state: State) -> None:
        """Write a state. Raises UsageError if it cannot be written."""
        storage.write(self._path(key), state.to_bytes(key))

    def load(self, key: str) -> State | None:
        """The state of this key; None where there is none, or none that can be trusted."""
        try:
            return State.from_bytes(storage.read(self._path(key)), key)
        except (OSError, KeyError, ValueError):
            return None

    def mark(self) -> str:
        """Write a file by which other nodes can tell that they see this folder; returns what is in it."""
        token = secrets.token_hex(8)
        storage.write(f"{self.url}/{MARK}", token)
        return token

    def marked(self, token: str, patience_s: float = 10.0) -> bool:
        """Whether the mark is seen here; network file systems may show it a few seconds late."""
        until = time.monotonic() + patience_s
        while True:
            try:
                if storage.read(f"{self.url}/{MARK}").decode() == token:
                    return True
            except (OSError, UsageError, ValueError):
                pass
            if time.monotonic() >= until:
                return False
            time.sleep(0.2)

    def unmark(self) -> None:
        """Remove the mark, and the folder if nothing else is in it."""
        storage.remove(f"{self.url}/{MARK}")
        if storage.is_local(self._fs):
            with contextlib.suppress(OSError):
                os.rmdir(self._root)

    def drop(self, keys: list[str]) -> None:
        """Remove those that are there, half-written ones too; on object stores in few calls, for they are slow."""
        if storage.by_name(self._fs):
            for k in range(0, len(keys), MOST):
                self._fs.rm([f"{self._root}/{key}.safetensors" for key in keys[k : k + MOST]])
            return
        self._fs.invalidate_cache(self._root)  # others write here
        try:
            names = [path.rsplit("/", 1)[-1] for path in self._fs.ls(self._root, detail=False)]
        except OSError:  # no such folder, or nothing that can be listed
            return
        dropped = set(keys)
        if gone := [f"{self._root}/{name}" for name in names if name.lstrip(".").partition(".")[0] in dropped]:
            self._fs.rm(gone, recursive=storage.is_local(self._fs))

    def _path(self, key: str) -> str:
        return f"{self.url}/{key}.safetensors"
