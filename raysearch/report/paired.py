"""Measures of the chosen videos in two sets of searches, paired by prompt: means, difference with interval, verdict.

What the candidates of a prompt have in common cancels in the difference, so its interval is narrower than those of the
means. Intervals are those of `statistics`: bootstrap over prompts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from raysearch.moves import Result
from raysearch.report import statistics
from raysearch.report.statistics import FEW, Measure


@dataclass(frozen=True)
class Paired:
    """A measure of the chosen videos before and after something changed, over prompts that have both.

    Attributes:
        measure: The measure.
        prompts: Number of prompts.
        before: Mean before.
        after: Mean after.
        low: Lower end of the 95 % interval of the change; NaN for a single prompt.
        high: Upper end.
        better: Prompts in which it became better; 0 where no direction is better.
        equal: Prompts in which it did not change.
    """

    measure: Measure
    prompts: int
    before: float
    after: float
    low: float
    high: float
    better: int = 0
    equal: int = 0

    @property
    def change(self) -> float:
        """After minus before, in the unit of the measure."""
        return self.after - self.before

    @property
    def step(self) -> float:
        """What decides how many digits are shown: the change, or half its interval where that is larger."""
        return statistics.step(self.change, self.low, self.high)

    @property
    def clear(self) -> bool:
        """Whether there are enough prompts and the interval leaves out 0."""
        return self.prompts >= FEW and not self.low <= 0 <= self.high

    @property
    def verdict(self) -> str:
        """`better`, `worse`, `more` or `less` where the change is clear, else `unclear`; empty for few prompts."""
        if not self.clear:
            return "unclear" if self.prompts >= FEW else ""
        if self.measure.better:
            return "better" if (self.change > 0) == (self.measure.better > 0) else "worse"
        return "more" if self.change > 0 else "less"


def paired(pairs: Sequence[tuple[Result, Result]], measures: Iterable[Measure]) -> list[Paired]:
    """Each measure that some prompt has in both.

    Args:
        pairs: Results before and after, by prompt.
        measures: The measures.
    """
    found = []
    for m in measures:
        values = np.array([[m.of(r)[r.best] for r in pair] for pair in pairs]).reshape(-1, 2)
        values = values[np.isfinite(values).all(1)]
        if len(values):
            change = values[:, 1] - values[:, 0]
            low, high = statistics.interval(change)
            before, after = values.mean(0).tolist()
            better = int((m.better * change > 0).sum())
            found.append(
                Paired(m, len(values), before, after, float(low), float(high), better, int((change == 0).sum()))
            )
    return found
