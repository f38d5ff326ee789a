"""Two runs side by side: what the second changed, paired by prompt, with intervals; as a table and as JSON.

Prompts are paired by their ids and must mean the same in both runs. Measures are those that both have; the search
reward counts only where both runs went by the same one.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from raysearch.errors import UsageError
from raysearch.report import statistics
from raysearch.report.components import flat
from raysearch.report.markup import NONE, count, decimals, number
from raysearch.report.paired import Paired, paired
from raysearch.report.reading import Run, SearchRecord
from raysearch.report.statistics import FEW

ASIDE = ("run", "cluster.")  # settings whose difference says nothing of the results


@dataclass(frozen=True)
class RunPair:
    """Two runs and what they have in common.

    Attributes:
        a: The first run.
        b: The second.
        pairs: Their searches of the same prompts that have results.
        rows: What changed from a to b, the measure of the headline first.
    """

    a: Run
    b: Run
    pairs: tuple[tuple[SearchRecord, SearchRecord], ...]
    rows: tuple[Paired, ...]

    @property
    def names(self) -> tuple[str, str]:
        """What the runs are called: their folders, with the one above where both have one name."""
        one, two = (run.folder.resolve() for run in (self.a, self.b))
        if one.name != two.name:
            return one.name, two.name
        return f"{one.parent.name}/{one.name}", f"{two.parent.name}/{two.name}"

    @property
    def settings(self) -> list[tuple[str, str, str]]:
        """Settings that differ: key, value in a, value in b."""
        one, two = dict(flat(self.a.config)), dict(flat(self.b.config))
        keys = [k for k in {**one, **two} if not k.startswith(ASIDE) and one.get(k) != two.get(k)]
        return [(k, one.get(k, NONE), two.get(k, NONE)) for k in keys]

    def json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "runs": [str(self.a.folder), str(self.b.folder)], "prompts": [a.prompt.id for a, _ in self.pairs],
            "measures": [{**asdict(r), "change": r.change, "verdict": r.verdict} for r in self.rows],
            "nfe": [sum(e[k].cost.nfe for e in self.pairs) for k in (0, 1)],
            "settings": {k: [x, y] for k, x, y in self.settings},
        }  # fmt: skip


def compare(a: Run, b: Run) -> RunPair:
    """Pair two runs.

    Raises:
        UsageError: They have no finished prompt in common.
    """
    plain = {e.prompt.id: e for e in a.entries if e.result is not None}
    pairs = tuple((plain[e.prompt.id], e) for e in b.entries if e.result is not None and e.prompt.id in plain)
    if not pairs:
        raise UsageError(
            f"{a.folder} and {b.folder} have no finished prompt in common; compare runs of the same prompts"
        )
    results = [(x.result, y.result) for x, y in pairs if x.result is not None and y.result is not None]
    known = statistics.measures([r for pair in results for r in pair], b.reward)
    same = a.reward == b.reward
    rows = paired(results, [m for m in known if m.key is not None or same])
    rows.sort(key=lambda r: (r.measure.key != statistics.ERROR, not r.measure.truth, r.measure.key is not None))
    return RunPair(a, b, pairs, tuple(rows))


def headline(found: RunPair) -> str:
    """The result in one sentence, with its interval; it claims nothing where the interval leaves it open."""
    one, two = found.names
    if not found.rows:
        return f"{one} and {two} have no measure in common"
    row = found.rows[0]
    places = decimals([row.before, row.after], row.step)
    unit = f" {row.measure.unit}" if row.measure.unit else ""
    label, on = row.measure.label if row.measure.key else "search reward", count(row.prompts, "prompt")
    change = f"{number(row.change, places, sign=True)}{unit}"
    if math.isfinite(row.low):
        change += f" [{number(row.low, places, sign=True)}, {number(row.high, places, sign=True)}]"
    if row.prompts < FEW:
        return f"{two} against {one} on {on}: mean {label} {change}; too few prompts to tell"
    if not row.clear:
        return f"{two} and {one} do not clearly differ in mean {label} on {on}: {change}"
    verb = {"better": "is better than", "worse": "is worse than"}.get(row.verdict, "differs from")
    return f"{two} {verb} {one} on {on}: mean {label} {change}"


def terminal(found: RunPair) -> str:
    """The table for people, then the settings that differ."""
    one, two = found.names
    lines = [["measure", one, two, "change [95 % interval]", "prompts", "better in", ""]]
    for r in found.rows:
        places = decimals([r.before, r.after], r.step)
        change = number(r.change, places, sign=True)
        if math.isfinite(r.low):
            change += f" [{number(r.low, places, sign=True)}, {number(r.high, places, sign=True)}]"
        unit = f" ({r.measure.unit})" if r.measure.unit else ""
        lines.append([r.measure.label + unit, number(r.before, places), number(r.after, places), change, f"{r.prompts}",
                      f"{r.better}" if r.measure.better else "-", r.verdict])  # fmt: skip
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([f"{headline(found)}.", *text, *(f"{k}: {x} -> {y}" for k, x, y in found.settings)])
