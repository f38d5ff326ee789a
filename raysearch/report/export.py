"""What a run found, as files for other tools: a row for each candidate, and videos named after their prompts."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.report.reading import Run

FIXED = ("prompt", "text", "slot", "chosen", "reward", "nfe", "generate_s", "reward_s", "log_weight", "video", "key")


def rows(run: Run) -> list[dict[str, Any]]:
    """A row for each final of each search: FIXED, then every measure by its name."""
    found = []
    for entry in run.entries:
        result = entry.result
        for slot, o in enumerate(result.finals if result is not None else ()):
            assert result is not None
            weight = result.log_weights[slot] if result.log_weights else math.nan
            fixed = {
                "prompt": entry.name, "text": entry.prompt.text, "slot": slot, "chosen": int(slot == result.best),
                "reward": o.reward, "nfe": o.cost.nfe, "generate_s": round(o.cost.generate_s, 4),
                "reward_s": round(o.cost.reward_s, 4), "log_weight": weight,
                "video": run.film_path(entry, o.key) or "", "key": o.key,
            }  # fmt: skip
            found.append(fixed | {name: value for name, value in o.rewards.items() if name not in fixed})
    return found


def to_csv(run: Run) -> str:
    """The rows as CSV; a value that was not measured, or is not finite, is empty."""
    found = rows(run)
    heads = list(dict.fromkeys([*FIXED, *(key for row in found for key in row)]))
    text = io.StringIO()
    out = csv.DictWriter(text, heads, restval="", lineterminator="\n")
    out.writeheader()
    out.writerows({k: _cell(v) for k, v in row.items()} for row in found)
    return text.getvalue()


def videos(run: Run, to: Path, every: bool = False) -> list[Path]:
    """Copy films into a folder, the chosen as PROMPT.mp4.

    Args:
        run: The run.
        to: The folder, which is made.
        every: The other candidates too, as PROMPT-SLOT.mp4, as far as their films were kept.

    Returns:
        The files.

    Raises:
        UsageError: The run has no films, or the folder cannot be written.
    """
    found = []
    for entry in run.entries:
        result = entry.result
        for slot, o in enumerate(result.finals if result is not None else ()):
            assert result is not None
            path = run.film_path(entry, o.key) if every or slot == result.best else None
            if path is not None:
                name = entry.name if slot == result.best else f"{entry.name}-{slot}"
                found.append((run.folder / path, to / f"{name}.mp4"))
    if not found:
        raise UsageError(
            f"{run.folder}: has no films (films: none); run it again with films=best, which reuses its moves"
        )
    for source, target in found:
        storage.write(target, source.read_bytes())
    return [target for _, target in found]


def _cell(value: Any) -> Any:
    return "" if isinstance(value, float) and not math.isfinite(value) else value
