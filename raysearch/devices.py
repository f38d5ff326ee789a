"""Where networks compute, and that they compute the same bits every time."""

from __future__ import annotations

import os

import torch


def best() -> str:
    """A GPU, if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def reproducible(device: str | torch.device) -> None:
    """Ask PyTorch for the same bits in every run on this device, in this process; to be called before it is used.

    On a CPU they are the same anyway. On a GPU some operations, mostly in backward passes, add up in the order in which
    threads arrive unless told otherwise. One that has no other way warns.
    """
    if torch.device(device).type != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def out_of_memory(error: BaseException) -> bool:
    """Whether it was the memory, of a GPU or of this machine, that did not suffice."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
