"""Sections of docs/results.md from the figures of other commands, each of which writes its own JSON.

A section is left out while its file is not there, so that the page never shows figures without their source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

RULES = ("original", "uniform", "wording", "best known")
WAYS = {"best_of_n": "best of n", "halving": "halving", "chunkwise": "chunk by chunk", "backtrack": "backtrack",
        "random cut": "random cut", "ladder": "ladder"}  # fmt: skip

WORDING = """
## The wording

What one budget finds over several wordings of a prompt, `python -m benchmarks.wording` (benchmarks/wording.json; what
the columns mean, and what follows: [wording](wording.md)). First with exact normal values in units of the standard
deviation between seeds, higher is better, {repeats:,} repeats:

"""
SHIPPED = """
Then the tiny pair, whose generator hardly reads its text, {scenes} held-out scenes and {videos} videos a wording:
trajectory error in pixels, lower is better.

"""
TIME = """
## Time: backtracking and chunks

Chunks that break at known places, with the surprise of the shipped world model; every search gets the NFE of {videos}
videos; `python -m benchmarks.backtrack` (benchmarks/backtrack.json). Shown is the number of chunks of the chosen video
that break, lower is better, on {scenes} scenes and, after the stroke, on {scenes} new ones; then the change from best
of n with its interval over scenes. *Found*: share of cuts within two frames of the true break.

"""
CHUNKS = """
## Chunk by chunk on the tiny MAGI-1

`make magi` (benchmarks/magi.json), {scenes} held-out scenes: trajectory error in pixels of the generator that goes on
from its own frames. The rank correlation of the reward with the truth is {whole} for whole videos, and {windows} in
the windows one after another, of which the first alone has true frames as its context. So the judge decides what a
search is worth here; all tables, and what follows: [MAGI-1](magi1.md#what-was-measured).

"""


def sections(folder: Path = Path("benchmarks")) -> str:
    """The sections whose figures are there."""
    of: dict[str, Callable[[dict[str, Any]], str]] = {"wording": _wording, "backtrack": _time, "magi": _chunks}
    files = {name: folder / f"{name}.json" for name in of}
    return "".join(of[name](json.loads(file.read_text())) for name, file in files.items() if file.is_file())


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table in Markdown. words: how many columns, from the left, hold words; the others hold figures."""
    lines = [heads, ["---"] * words + ["---:"] * (len(heads) - words), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _wording(found: dict[str, Any]) -> str:
    rows = [
        [str(case["wordings"]), str(case["videos"]), f"{case['sd_of_means']:g}", f"{case['error']:g}",
         str(case["mislead"]), *(f"{case['rules'][rule]['value']:.2f}" for rule in RULES),
         f"{case['rules']['wording']['share_on_best']:.2f}", f"{case['rules']['wording']['share_on_good']:.2f}"]
        for case in found["exact"]
    ]  # fmt: skip
    heads = ["wordings", "videos", "sd of their means", "error of the reward", "that mislead", *RULES,
             "`wording`: share on the best", "on those that do not mislead"]  # fmt: skip
    text = WORDING.format(repeats=found["exact"][0]["repeats"]) + table(heads, rows, 0)
    if "shipped" not in found:
        return text
    pair, each = found["shipped"], []
    for rule in RULES:
        by = {kind: pair["rules"][f"{rule}, original {kind}"] for kind in ("names", "misses")}
        each.append([rule, *(f"{value['error_px']:.2f}" for value in by.values()),
                     *(f"{value['share_right']:.2f}" for value in by.values())])  # fmt: skip
    heads = ["rule", "error, the original names the scene", "error, it does not", "share on right wordings, it does",
             "it does not"]  # fmt: skip
    return text + SHIPPED.format(**pair) + table(heads, each)


def _time(found: dict[str, Any]) -> str:
    rows = []
    for setting, first in found["settings"].items():
        again = found["new_scenes"][setting]
        shown = [f"{first[w]['breaks']:.2f} / {again[w]['breaks']:.2f}" for w in WAYS]
        changes = [_interval(f["backtrack"]["breaks_against_best_of_n"]) for f in (first, again)]
        rows.append([setting, f"{first['backtrack']['within_2']:.2f}", *shown, *changes])
    heads = ["breaks", "found", *WAYS.values(), "backtrack against best of n", "the same, new scenes"]
    return TIME.format(**found) + table(heads, rows)


def _chunks(found: dict[str, Any]) -> str:
    rows, ranks = [], found["ranking"]
    for row in found["searches"]:
        changes = (row["against"].get(kind) for kind in ("one", "equal_nfe", "equal_seconds", "large"))
        cells = ["" if change is None else _interval([change["mean"], *change["interval"]]) for change in changes]
        costs = f"{row['nfe']:.0f}", f"{row['cpu_s']:.1f}"
        rows.append([row["search"], row["by"], f"{row['mean']:.2f}", *costs, *cells])
    heads = ["search", "chosen by", "error, px", "NFE", "CPU s", "against one video", "best of n at equal NFE",
             "best of n at equal seconds", "best of 16"]  # fmt: skip
    windows = [f"{ranks[f'window {k}']['mean']:+.2f}" for k in (1, 2, 3)]
    told = {"scenes": found["scenes"], "whole": f"{ranks['whole video']['mean']:+.2f}", "windows": ", ".join(windows)}
    return CHUNKS.format(**told) + table(heads, rows, 2)


def _interval(values: Sequence[float]) -> str:
    mean, low, high = values
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"
