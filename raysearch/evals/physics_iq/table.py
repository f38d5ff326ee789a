"""The official table of measures: one row per scenario, 12 measures by 3 views, lists as text; in and out.

What a row holds per view is called a measurement here: a mapping of the 12 official names to a list or a number.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError
from raysearch.evals.physics_iq.descriptions import expect
from raysearch.evals.physics_iq.layout import VIEWS

LISTS = ("spatiotemporal_iou_v1", "spatiotemporal_iou_v2", "v1_mse", "v2_mse", "variance_spatiotemporal_iou",
         "variance_mse")  # fmt: skip
NAMES = (
    "spatiotemporal_iou_v1", "spatiotemporal_iou_v2", "spatial_iou_v1", "spatial_iou_v2", "weighted_spatial_iou_v1",
    "weighted_spatial_iou_v2", "v1_mse", "v2_mse", "variance_spatial", "variance_weighted_spatial",
    "variance_spatiotemporal_iou", "variance_mse",
)  # fmt: skip
COLUMNS = ("scenario", *(f"{name}_{view}" for view in VIEWS for name in NAMES))
Measurement = Mapping[str, Any]
Table = Mapping[tuple[str, str], Measurement]  # by scenario and view


def measurement(first: Measurement, second: Measurement, variance: Measurement) -> dict[str, Any]:
    """The 12 measures of a view, from `metrics.compare` with take 1, with take 2, and of the takes."""
    result: dict[str, Any] = {}
    for k, found in ((1, first), (2, second)):
        for name in ("spatiotemporal_iou", "spatial_iou", "weighted_spatial_iou"):
            result[f"{name}_v{k}"] = found[name]
        result[f"v{k}_mse"] = found["mse"]
    for name in ("mse", "spatiotemporal_iou", "spatial_iou", "weighted_spatial_iou"):
        plain = name if name in ("mse", "spatiotemporal_iou") else name.removesuffix("_iou")
        result[f"variance_{plain}"] = variance[name]
    return {name: result[name] for name in NAMES}


def to_csv(table: Table) -> str:
    """The official CSV; a view that was not scored (of a partial run) leaves its cells empty."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(COLUMNS)
    for scenario in dict.fromkeys(s for s, _ in table):
        cells: list[Any] = [scenario]
        for view in VIEWS:
            found = table.get((scenario, view))
            cells += [_cell(found[name]) if found else "" for name in NAMES]
        out.writerow(cells)
    return text.getvalue()


def read_csv(path: str | Path) -> dict[tuple[str, str], dict[str, Any]]:
    """A table that this or the official scorer wrote. Raises UsageError naming the file and the column or row."""
    if not Path(path).is_file():
        raise UsageError(f"{path}: no such file")
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        expect(path, rows.fieldnames or [], COLUMNS)
        return {
            (row["scenario"], view): {name: _value(path, row, f"{name}_{view}", name) for name in NAMES}
            for row in rows for view in VIEWS if row[f"{NAMES[0]}_{view}"]
        }  # fmt: skip


def _value(path: str | Path, row: Mapping[str, str], column: str, name: str) -> Any:
    try:
        value = json.loads(row[column])
        numbers = value if isinstance(value, list) else [value]
        if isinstance(value, list) != (name in LISTS) or not all(math.isfinite(v) for v in numbers) or not numbers:
            raise ValueError("unexpected form")
    except (ValueError, TypeError) as error:
        text = str(row[column])[:60]
        raise UsageError(f"{path}: row {row['scenario']}, column {column}: {text!r} ({error})") from None
    return value


def _cell(value: Any) -> str:
    return json.dumps(value if isinstance(value, list) else float(value))
