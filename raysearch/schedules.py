"""Where a search stops and scores, how lambda rises, how a population shrinks. Pure functions of a few numbers."""

from __future__ import annotations

from collections.abc import Sequence

READS = (0.2, 0.4, 0.6, 0.8)  # before 20 % of the steps a preview is a blur, and its reward says little


def fraction(step: int, steps: int) -> float:
    """Where a step lies in the denoising: 0 the first, 1 the last (windows of kernels and guides are in this unit)."""
    return step / (steps - 1) if steps > 1 else 0.0


def stops(steps: int, reads: Sequence[float] = READS) -> list[int]:
    """Steps to stop and score at, from fractions of the steps in (0, 1]: sorted, distinct, the last is `steps`."""
    for read in reads:
        if not 0 < read <= 1:
            raise ValueError(f"reads = {tuple(reads)}: {read} is no fraction of the steps in (0, 1]")
    return sorted({*(min(steps, max(1, round(read * steps))) for read in reads), steps})
