"""Films of a run that are scored again: what the run recorded of each, and why the two numbers differ.

In a run a reward sees the preview as the model made it. A film is H.264, which loses a little; small ones are enlarged
in it, and `raysearch score` reads it at its own size: the two rewards are near to each other and not equal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def compare(table: list[dict[str, Any]], options: Mapping[str, Any]) -> None:
    """Give each row of a film of a run the reward that its run recorded under the name of this reward: `in_run`."""
    for row in table:
        measured = _measured(Path(row["video"]).with_suffix(".json"))
        label = options.get("label") or options["name"]
        if isinstance(measured.get(label), float):
            row["in_run"] = measured[label]


def difference(table: list[dict[str, Any]]) -> str:
    """A sentence on rows whose run recorded another reward; empty if there are none."""
    apart = [abs(row["reward"] - row["in_run"]) for row in table if "in_run" in row]
    if not apart or max(apart) < 5e-5:
        return ""
    which = f"the run recorded {table[0]['in_run']:.4f}" if len(table) == 1 else "the runs recorded their own rewards"
    return (
        f"{which}, at most {max(apart):.4f} away: a film is compressed (H.264) and small videos are enlarged in it, "
        "while a run scores what the model made, with the settings of its job"
    )


def _measured(file: Path) -> dict[str, Any]:
    """What the JSON file beside a film says was measured; empty where there is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))["measured"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
