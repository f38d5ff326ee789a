"""Seconds and memory of a function on a device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.parts import Row

PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12}  # dense bf16 FLOP/s by data sheets; of others no share is told


def measured(device: str, run: Callable[[], Any], repeats: int = 2, flop: float | None = None) -> Row:
    """Run once to warm up, then some times.

    Args:
        device: where it computes.
        run: what to measure.
        repeats: runs that are measured.
        flop: of a run, where it is known.

    Returns:
        The median of `seconds`, the largest `peak_gb`, which on a GPU is what PyTorch held with the weights and on a
        CPU what the process took beyond what it had, and `mfu`, the share of the peak arithmetic of a known GPU.
    """
    run()
    seconds, peak = [], 0.0
    for _ in range(repeats):
        before = _begin(device)
        start = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
        peak = max(peak, _peak(device) - before)
    row = {"seconds": statistics.median(seconds), "peak_gb": peak / 1e9}
    if flop is not None and (most := peak_flops(device)):
        row["mfu"] = flop / row["seconds"] / most
    return row


def peak_flops(device: str) -> float | None:
    """FLOP/s of this GPU in bf16; None where they are not known."""
    name = torch.cuda.get_device_name() if device == "cuda" else ""
    return next((value for known, value in PEAK.items() if known in name), None)


def about(device: str) -> dict[str, Any]:
    """What the figures depend on beside the code: the device and the versions."""
    import diffusers
    import transformers

    found: dict[str, Any] = {"device": "CPU", "torch": torch.__version__, "diffusers": diffusers.__version__,
                             "transformers": transformers.__version__}  # fmt: skip
    if device == "cuda":
        free, whole = torch.cuda.mem_get_info()
        found |= {"device": torch.cuda.get_device_name(), "gb": whole / 1e9, "free_gb": free / 1e9,
                  "cuda": torch.version.cuda}  # fmt: skip
    return found


def _begin(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return 0.0
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts anew from here (Linux)
    return _status("VmRSS")


def _peak(device: str) -> float:
    return float(torch.cuda.max_memory_allocated()) if device == "cuda" else _status("VmHWM")


def _status(field: str) -> float:
    line = next(s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith(field))
    return float(line.split()[1]) * 1024
