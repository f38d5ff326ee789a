"""What a sweep writes and prints: table.csv, sweep.json, sweep.html and the table of the terminal.

Nothing that is measured in seconds enters, so the same journal gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from raysearch.moves import digest, encode
from raysearch.report.markup import number
from raysearch.report.statistics import Measure
from raysearch.sweep.log_z import pools
from raysearch.sweep.page import SweepFacts, page
from raysearch.sweep.table import Cell, Estimate, Row, leading, name_of, rows


def files(cells: Sequence[Cell], about: SweepFacts | None = None) -> dict[str, str]:
    """table.csv, sweep.json and sweep.html, as text. about: settings and versions, for the page."""
    found, table = rows(cells)
    return {
        "table.csv": _csv(found, table),
        "sweep.json": json.dumps(encode(_document(cells, found, table)), indent=1, allow_nan=False) + "\n",
        "sweep.html": page(cells, found, table, about),
    }


def terminal(cells: Sequence[Cell]) -> str:
    """The table for people: reward, then truth if there is one, each with its gain over one random draw."""
    found, table = rows(cells)
    shown = leading(found)
    head = ["search", "N", "NFE", "prompts", "seeds", "done"]
    for m in shown:
        head += [m.label, "gain [95 % interval]"]
    lines = [head]
    for row in table:
        line = [row.label, str(row.n), f"{row.nfe:g}", str(row.prompts), str(row.seeds), f"{row.done}/{row.asked}"]
        for m in shown:
            e = row.values.get(name_of(m))
            line += ["-", "-"] if e is None else [number(e.mean), _gain(e)]
        lines.append(line)
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _gain(e: Estimate) -> str:
    if not math.isfinite(e.gain):
        return "-"
    if not math.isfinite(e.gain_low):
        return number(e.gain, sign=True)
    return f"{number(e.gain, sign=True)} [{number(e.gain_low, sign=True)}, {number(e.gain_high, sign=True)}]"


def _csv(found: Sequence[Measure], table: Sequence[Row]) -> str:
    keys = list(dict.fromkeys(k for row in table for k in row.series))
    names = [name_of(m) for m in found]
    parts = list(Estimate.__dataclass_fields__)
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    counts = ("n", "nfe", "prompts", "seeds", "done", "asked", "pool")
    write.writerow([*keys, *counts, *(f"{name}.{part}" for name in names for part in parts)])
    for row in table:
        line = [row.series.get(k, "") for k in keys] + [getattr(row, c) for c in counts]
        for name in names:
            e = row.values.get(name)
            line += [_cell(getattr(e, part)) if e else "" for part in parts]
        write.writerow(line)
    return out.getvalue()


def _cell(value: float) -> str:
    return repr(value) if math.isfinite(value) else ""


def _document(cells: Sequence[Cell], found: Sequence[Measure], table: Sequence[Row]) -> dict[str, Any]:
    searches = []
    for c in cells:
        entry: dict[str, Any] = {"name": c.name, "settings": c.settings, "seed": c.seed, "prompt": c.prompt,
                                 "error": c.error, "done": c.result is not None}  # fmt: skip
        if c.result is not None:
            entry |= {"n": c.particles, "nfe": c.nfe, "hash": c.result.digest(), "chosen": c.result.winner.key}
            entry["measures"] = {name_of(m): float(m.of(c.result)[c.result.best]) for m in found}
        searches.append(entry)
    hashes = [s.get("hash") for s in searches]
    return {
        "complete": all(c.result is not None for c in cells), "hash": digest(hashes),
        "measures": [asdict(m) for m in found], "table": [asdict(r) for r in table], "searches": searches,
        "log_z": [asdict(line) for line in pools(cells)],
    }  # fmt: skip
