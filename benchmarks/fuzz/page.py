"""Writes docs/robustness.md from benchmarks/fuzz.json, which the fuzzers fill: `python -m benchmarks.fuzz.page`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.fuzz.table import AGAIN, GOOD, SHARE, VERDICTS

ROOT = Path(__file__).parents[2]
JSON, PAGE = ROOT / "benchmarks/fuzz.json", ROOT / "docs/robustness.md"
PARTS = {  # of the file, in the order of the page
    "jobs": "Job files and command lines",
    "models": "Model folders",
    "media": "Videos and images",
    "folders": "Run folders",
}
ABOUT = {
    "jobs": """\
A setting replaced by something odd, or the text broken or cut somewhere; `config` and `plan` take them. A text must
come back as it was written, and what cannot be must be refused.""",
    "models": """\
The models that ship with raysearch, with tensors lost, renamed, reshaped or added, headers and texts broken, files cut
or replaced. Right means that every tensor is that of the whole model.""",
    "media": """\
Damaged files, files under another name, and sound ones that say how they are to be shown: edit lists, rotation, shape
of the pixels, transfer, orientation. All ways to read a file must agree.""",
    "folders": """\
States, journal lines, manifests, films and other files damaged, lost, swapped, or from another run, in the folder of a
run that was killed or has ended; the same command is given again. Right means the result, the films and `best/` of an
undisturbed run, byte for byte.""",
}
HEAD = f"""# Broken input

What `make fuzz` measures: thousands of broken or peculiar inputs, drawn from a seed, each given to raysearch in a
process of its own with a time limit. It fails if one is neither right nor clear. The command writes this page.

* right: as if nothing were wrong with it, where that is what it should be;
* clear: refused in one line that says what is wrong, exit code 2;
* traceback, hang, crash: what no input may lead to;
* silently wrong: accepted, though the result is not what the input says.

The processes are forks of one that has imported everything. {SHARE:.0%} of the inputs, drawn as well, are given to the
command in an interpreter of its own too, which must say the same and end with the same code; those are the last rows.
"""


def page(parts: Mapping[str, Any]) -> str:
    """The page of what is in the file of figures, which may lack parts."""
    rows = [(kind, row) for part in parts.values() for kind, row in part["rows"].items()]
    total = sum(sum(row.values()) for kind, row in rows if kind != AGAIN)
    twice = sum(sum(row.values()) for kind, row in rows if kind == AGAIN)
    bad = sum(count for _, row in rows for verdict, count in row.items() if verdict not in GOOD)
    verdict = f"{bad} of them neither right nor clear" if bad else "each right or clear"
    lines = [HEAD, f"In all {total:,} inputs, {twice} of them given to both: {verdict}."]
    for name, title in PARTS.items():
        lines += ["", f"## {title}", "", ABOUT[name], "", *_section(parts.get(name))]
    return "\n".join(lines) + "\n"


def _section(part: Mapping[str, Any] | None) -> list[str]:
    if part is None:
        return ["Not run yet."]
    options = " ".join(f"--{name} {value}" for name, value in part["options"].items())
    lines = [f"`{options}`:", "", f"| kind | {' | '.join(VERDICTS)} |", "|---" * (len(VERDICTS) + 1) + "|"]
    rows = sorted(part["rows"].items(), key=lambda item: (item[0] == AGAIN, item[0]))
    return lines + [f"| {kind} | {' | '.join(str(counts[v]) for v in VERDICTS)} |" for kind, counts in rows]


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(JSON.read_text()) if JSON.is_file() else {}))
