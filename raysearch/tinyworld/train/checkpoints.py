"""Finished models out of training checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from safetensors import safe_open
from torch import nn

M = TypeVar("M", bound=nn.Module)


def averaged(path: Path, model: M, prefix: str = "", command: str = "") -> M:
    """`model` with the moving average stored at `path`, ready to be used.

    Args:
        path: the checkpoint.
        model: of the same architecture.
        prefix: of the names of its weights in the checkpoint.
        command: what makes the checkpoint, where that is not the training of the part that its name begins with.

    Raises:
        FileNotFoundError: with the remedy.
    """
    if not path.exists():
        command = command or f"python -m raysearch.tinyworld.train {path.stem.split('-')[0]}"
        raise FileNotFoundError(f"{path}: no such checkpoint; run `{command}` first")
    with safe_open(path, "pt") as f:
        start = f"average.{prefix}"
        model.load_state_dict({k.removeprefix(start): f.get_tensor(k) for k in f.keys() if k.startswith(start)})  # noqa: SIM118
    return model.eval().requires_grad_(False)
