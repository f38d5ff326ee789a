"""docs/results.md and its pictures, of the tables alone: every figure on the page is one of theirs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.results.elsewhere import sections
from benchmarks.results.elsewhere import table as _table
from benchmarks.results.tables import ERROR, GATE, TOP, Change

HEAD = """# Results

What every search and every way of choosing is worth on the tiny pair, written by `make results`
(benchmarks/results.json): {scenes} held-out scenes of the tiny world that were used for no setting, {pairs},
seed 0. The generator is imperfect on purpose; the truth, the trajectory error in pixels (lower is better), is measured
and never optimised. Intervals are bootstraps over scenes{over}, 95 %, paired. CPU seconds are those of one core, with
the reward that the search goes by. This is a world of 32 x 32 pixels with one or two balls: the figures show that the
method works here, not what a large model gains.
"""
BEGIN, END = "<!-- results: written by `make results` -->", "<!-- /results -->"
SHORT = """`make results` ([all of it](docs/results.md)): {scenes} held-out scenes of the tiny world, one training of
each model, trajectory error in pixels (lower is better), intervals of 95 % over scenes; searches on {searched} of them.
"""
CHOOSING = """
## Choosing among finished candidates

Best of N by one score each, from one pool of candidates without bias. *Share* is the share of the oracle's gain at
N = {top}; *rho* the rank correlation with the truth within a scene. "Gated" means the highest reward among the
candidates that move at least {gate:g} times as much as the median of their scene. A verifier whose interval includes 0
has not been shown to be better than a random choice.

![Trajectory error by number of candidates](results-choosing.svg)
"""
SEARCHING = """
## Searching

On {searched} of the scenes, every search beside best-of-n at the same number of network evaluations (NFE) and at the
same seconds: the change of the trajectory error in pixels, where below 0 is better than best-of-n. Guided searches pay
for gradients through the reward in seconds, not in NFE.

![Trajectory error by cost](results-searching.svg)
"""


def write(found: dict[str, Any], folder: Path) -> Path:
    """Write the page, its pictures into the same folder, and the tables as JSON. Returns the page."""
    Path("benchmarks/results.json").write_text(json.dumps(found, indent=1, default=asdict) + "\n")
    pairs = "one training of the pair" if len(found["pairs"]) == 1 else f"{len(found['pairs'])} trainings of the pair"
    over = " and over trainings" if len(found["pairs"]) > 1 else ""
    parts = [HEAD.format(scenes=found["scenes"], pairs=pairs, over=over), "\n## In short\n\n", answers(found),
             CHOOSING.format(top=TOP, gate=GATE), "\n", _choosing(found),
             SEARCHING.format(searched=found["searched"]), "\n", _searching(found), sections()]  # fmt: skip
    page = folder / "results.md"
    page.write_text("".join(parts))
    in_readme(found, folder.parent / "README.md")
    _draw_choosing(found, folder / "results-choosing.svg")
    _draw_searching(found, folder / "results-searching.svg")
    return page


def in_readme(found: dict[str, Any], path: Path) -> None:
    """Write the short form of the page between the two marks of the README."""
    text = path.read_text()
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    wanted = ("V-JEPA 2", "V-JEPA 2, gated by motion", "V-JEPA 2, random weights", "the truth itself (oracle)")
    ways = [row for row in found["choosing"] if row["way"] in wanted]
    told = SHORT.format(**found)
    path.write_text(f"{text[:start]}\n{told}\n{_choosing({**found, 'choosing': ways})}\n{answers(found)}{text[end:]}")


def answers(found: dict[str, Any]) -> str:
    """One sentence a question, each with its interval."""
    ways = {row["way"]: row for row in found["choosing"]}
    lines, base = [], ways["V-JEPA 2"]["error"][1]
    for name in ("V-JEPA 2", "V-JEPA 2, gated by motion", "V-JEPA 2 and motion, sum of ranks"):
        row = ways[name]
        error, share = row["error"], row["share"]
        alone = "" if name == "V-JEPA 2" else f"; against V-JEPA 2 alone {row['against']}"
        lines.append(f"Best of {TOP} by {name}: {error[TOP]:.2f} px where a random choice has {base:.2f} "
                     f"({row['change']}), {share.mean:.2f} [{share.low:.2f}, {share.high:.2f}] of the oracle's gain"
                     f"{alone}.")  # fmt: skip
    for row in found["searching"]:
        told = [f"at equal {name} {change} px against best of {equal['n']}, {_verdict(change)}"
                for kind, name in (("nfe", "NFE"), ("seconds", "seconds"))
                if (equal := row.get(f"equal_{kind}")) and (change := equal[ERROR])
                and not (kind == "nfe" and row["gradients"])]  # fmt: skip
        if told:  # gradients cost seconds alone, so that guided searches are compared by these
            lines.append(f"{row['search'][0].upper()}{row['search'][1:]}: {'; '.join(told)}.")
    lines += [line for line in _halving(found).splitlines() if line]
    return "".join(f"* {line}\n" for line in lines)


def _verdict(change: Change) -> str:
    if not change.shown:
        return "no difference is shown"
    return "better" if change.high < 0 else "worse"


def _choosing(found: dict[str, Any]) -> str:
    sizes = found["sizes"]
    rows = [
        [row["way"], *(f"{row['error'][n]:.2f}" if n in row["error"] else "" for n in sizes), str(row["change"]),
         f"{row['share'].mean:.2f} [{row['share'].low:.2f}, {row['share'].high:.2f}]", str(row["rho"] or "")]
        for row in found["choosing"]
    ]  # fmt: skip
    return _table(["chosen by", *(f"N = {n}" for n in sizes), f"change at {TOP}, px", "share", "rho"], rows)


def _searching(found: dict[str, Any]) -> str:
    rows = []
    for row in found["searching"]:
        equal = [f"{e[ERROR]} (of {e['n']})" if (e := row.get(f"equal_{k}")) else "" for k in ("nfe", "seconds")]
        rows.append([row["search"], f"{row['nfe']:.0f}", f"{row['cpu_s']:.1f}", f"{row['reward']:.3f}",
                     f"{row[ERROR]:.2f}", f"{row['spatiotemporal_iou']:.3f}", f"{row['mse']:.4f}",
                     f"{row['violation']:.2f}", f"{row['motion']:.2f}", *equal])  # fmt: skip
    return _table(["search", "NFE", "CPU s", "reward", "error, px", "IoU", "MSE", "violation", "motion",
                   "error at equal NFE", "error at equal seconds"], rows)  # fmt: skip


def _halving(found: dict[str, Any]) -> str:
    told = (
        "Halving of {n} ended with the candidate that best of {n} chooses in {same} of {of} scenes, "
        "at {share} of its NFE.\n"
    )
    return "\n".join(told.format(**h, share=f"{h['nfe_share']:.0%}") for h in found["halving"])


def _draw_choosing(found: dict[str, Any], path: Path) -> None:
    figure, axes = _canvas()
    for row in found["choosing"]:
        axes.plot(list(row["error"]), list(row["error"].values()), marker="o", ms=3, label=row["way"])
    axes.set_xscale("log", base=2)
    axes.set_xticks(found["sizes"], [str(n) for n in found["sizes"]])
    _finish(figure, axes, "number of candidates N", path)


def _draw_searching(found: dict[str, Any], path: Path) -> None:
    from matplotlib import pyplot

    figure, both = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    of = (("nfe", "network evaluations", (12, 24, 48, 96, 192)), ("cpu_s", "CPU seconds", (1, 2, 5, 10, 20)))
    for axes, (cost, name, ticks) in zip(both, of, strict=True):
        plain = [r for r in found["searching"] if "change" in r and "equal_nfe" not in r]
        axes.plot(
            [r[cost] for r in plain], [r[ERROR] for r in plain], marker="o", ms=3, color="black", label="best of N"
        )
        for row in found["searching"]:
            if "equal_nfe" in row:
                axes.plot(row[cost], row[ERROR], marker="D", ms=5, ls="", label=row["search"])
        axes.set_xscale("log")
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
        axes.set_xticks([], minor=True)
        axes.set_xlabel(name)
        axes.grid(alpha=0.3)
    both[0].set_ylabel("trajectory error, px")
    both[1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    _save(figure, path)


def _canvas() -> tuple[Any, Any]:
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(7.5, 4), layout="constrained")


def _finish(figure: Any, axes: Any, x: str, path: Path) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel("trajectory error, px")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    import matplotlib
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "raysearch"  # the same file from the same figures
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
