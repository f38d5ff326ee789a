"""The CSV files of prompts and categories that come with the benchmark's repository, and those of the same form."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Sequence
from pathlib import Path

from raysearch.errors import UsageError

COLUMNS = ("scenario", "description", "category", "generated_video_name")
OFFICIAL = {  # where they lie, beside the data or in it; op: original, bpp: best practice
    "op": ("descriptions.csv", "descriptions/descriptions_original.csv"),
    "bpp": ("descriptions/best_practice/descriptions_base.csv",),
}


def official(root: Path, prompts: str = "op") -> Path | None:
    """The CSV of the official prompts, `op` or `bpp`, for the data set in a folder; None where there is none."""
    return next((p / n for p in (root, root.parent) for n in OFFICIAL[prompts] if (p / n).is_file()), None)


def described(path: Path | None) -> dict[str, tuple[str, str]]:
    """(prompt, category) by name of the generated file; {} for no file. Raises UsageError for a missing column."""
    if path is None:
        return {}
    if not path.is_file():
        raise UsageError(f"{path}: no such file; give the descriptions as CSV with the columns {', '.join(COLUMNS)}")
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        expect(path, rows.fieldnames or [], COLUMNS)
        table = list(rows)
    result: dict[str, tuple[str, str]] = {}
    for row in table:
        if "_take-2_" in row["scenario"]:
            continue
        name = row["generated_video_name"]
        if name in result:
            raise UsageError(f"{path}: {name} is described twice; keep one row for each take-1 video")
        result[name] = row["description"], row["category"]
    return result


def expect(path: str | Path, found: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise UsageError for a column that a CSV lacks, naming the one that may have been meant."""
    for column in wanted:
        if column not in found:
            near = difflib.get_close_matches(column, [f for f in found if f not in wanted], n=1)
            remedy = f"rename {near[0]!r}" if near else f"the columns are {', '.join(wanted[:4])} ..."
            raise UsageError(f"{path}: has no column {column!r}; {remedy}")
