"""The device on which networks compute, and reproducible computation on it."""

from __future__ import annotations

import os

import torch


def best() -> str:
    """`cuda` if there is a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def count() -> int:
    """The number of GPUs of this machine."""
    return torch.cuda.device_count()


def reproducible(device: str | torch.device) -> None:
    """Make PyTorch give the same bits in every run on this device, in this process; call it before the device is used.

    On a CPU nothing is needed. On a GPU some operations, mostly in backward passes, otherwise add up in the order in
    which threads arrive. An operation that has no reproducible form warns.
    """
    if torch.device(device).type != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the memory of a GPU or of this machine did not suffice."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
