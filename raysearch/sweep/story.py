"""The result of a sweep in one sentence, with its interval; it claims nothing where the interval leaves it open."""

from __future__ import annotations

import math
from collections.abc import Sequence

from raysearch.report.markup import count, decimals, number
from raysearch.report.statistics import FEW, Measure, step
from raysearch.sweep.table import Estimate, Row, name_of


def headline(table: Sequence[Row], shown: Sequence[Measure]) -> str:
    """The best point of the grid by the last of these measures, truth where there is one, against one random draw.

    Args:
        table: the rows.
        shown: the measures of the page, as `table.leading` gives them.
    """
    if not table or not shown:
        return "No search of the grid has finished yet"
    m = shown[-1]
    known = [(row, e) for row in table if (e := row.values.get(name_of(m))) is not None and math.isfinite(e.mean)]
    if not known:
        return f"No finished search has a finite {_called(m)}"
    row, e = best(known, m)
    places = decimals([e.mean], step(e.gain, e.gain_low, e.gain_high))
    unit = f" {m.unit}" if m.unit else ""
    value = f"{row.label} at N = {row.n} has the best mean {_called(m)}, {number(e.mean, places)}{unit}"
    on = f"on {count(row.prompts, 'prompt')}"
    if not math.isfinite(e.gain):
        return f"{value}, {on}"
    gain = f"{number(e.gain, places, sign=True)}{unit}"
    if math.isfinite(e.gain_low):
        gain += f" [{number(e.gain_low, places, sign=True)}, {number(e.gain_high, places, sign=True)}]"
    if row.n == 1 and not e.gain:
        value = f"mean {_called(m)} {number(e.mean, places)}{unit}"
        return f"No point of the grid is better than one random draw: {value}, {on}"
    doubt = "; too few prompts to tell" if row.prompts < FEW else "" if _clear(e) else "; no clear difference"
    return f"{value}: {gain} against one random draw, {on}{doubt}"


def best(known: Sequence[tuple[Row, Estimate]], m: Measure) -> tuple[Row, Estimate]:
    """The row with the best mean; of equal ones that with fewer network evaluations."""
    return max(known, key=lambda pair: ((m.better or 1) * pair[1].mean, -pair[0].nfe))


def _called(m: Measure) -> str:
    return m.label if m.key else "search reward"


def _clear(e: Estimate) -> bool:
    return math.isfinite(e.gain_low) and not e.gain_low <= 0 <= e.gain_high
