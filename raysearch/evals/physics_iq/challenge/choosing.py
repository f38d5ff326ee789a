"""What choosing among candidates is worth, as a section of a challenge's page: a plot and a table of selectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from raysearch.config.settings import Job
from raysearch.evals.physics_iq.challenge.selection import ORACLE
from raysearch.report.components import colour, grid, range_of, section, small
from raysearch.report.markup import NONE, Html, el, number
from raysearch.report.plots import Series, against
from raysearch.report.statistics import Measure

BASE = "base"
VERIFIED = Measure("verified", "Verified score", "%", better=1)


def pool(job: Job, name: str, found: dict[str, Any], colours: Mapping[str, int]) -> Html:
    """The section of one pool of independent draws.

    Args:
        job: The job.
        name: Of the run whose candidates they are.
        found: Curves and correlations, as challenge.json has them.
        colours: Number of the colour of each system.
    """
    curves, ranks = found["curves"], found["correlations"]
    ns, system = curves["n"], name.partition("/")[0]
    own = str(job.reward.get("label", job.reward["name"]))
    tints = tints_of(curves, own, system, colours)
    head = ["Chosen by", *(f"N = {n}" for n in ns), f"95 % interval, N = {ns[-1]}", f"Original, N = {ns[-1]}",
            "Rank correlation", "95 % interval"]  # fmt: skip
    random = number(curves[ORACLE]["verified"][0], 1)
    rows: list[list[Any]] = [[colour(tints["random"], "random"), *[random] * len(ns), NONE,
                              number(curves[ORACLE]["original"][0], 1), NONE, NONE]]  # fmt: skip
    for key, c in curves.items():
        if key == "n":
            continue
        rank = ranks.get(key, {})
        mean = rank.get("mean")
        rows.append([
            colour(tints[key], key), *(number(v, 1) for v in c["verified"]), band([c["low"][-1], c["high"][-1]]),
            number(c["original"][-1], 1), NONE if mean is None else number(mean, 2, sign=True),
            NONE if mean is None or rank["low"] is None else range_of(rank["low"], rank["high"], 2, sign=True),
        ])  # fmt: skip
    text = (
        "Expected Verified score, per cent, higher is better, when each selector keeps one of N candidates. random "
        f"keeps any, which is N = 1 and the base; the oracle knows the score; {own} is what {system} goes by. Rank "
        "correlation: Spearman's, of selector and score within a view, from -1 to 1."
    )
    drawn = el("div", _plot(curves, tints), class_="plots")
    return section(f"Choosing among candidates: {name}", drawn, grid(head, rows, "Selectors", "figures"), small(text))


def tints_of(curves: Mapping[str, Any], own: str, system: str, colours: Mapping[str, int]) -> dict[str, int]:
    """Colours of selectors: the base that of base, the search's own reward that of its system, others new ones."""
    tints, spare = {"random": colours.get(BASE, 0), own: colours.get(system, 1)}, len(colours)
    for key in (k for k in curves if k not in ("n", own)):
        tints[key], spare = spare, spare + 1
    return tints


def _plot(curves: dict[str, Any], tints: Mapping[str, int]) -> Html:
    """The expected score against N, a line per selector, with the 95 % interval over scenarios where there is one."""
    n = [float(k) for k in curves["n"]]
    random = float(curves[ORACLE]["verified"][0])
    lines: dict[str, Series] = {"random": [(k, random, math.nan, math.nan) for k in n]}
    for name, c in curves.items():
        if name != "n":
            low, high = ([math.nan if v is None else float(v) for v in c[end]] for end in ("low", "high"))
            lines[name] = list(zip(n, c["verified"], low, high, strict=True))
    drawn = against(lines, "candidates per view, N", VERIFIED, tints)
    return el("figure", drawn, el("figcaption", "Whiskers: 95 % interval over scenarios."), class_="card")


def band(of: list[float] | None, sign: bool = False) -> str:
    """The ends of an interval of a score; a dash where there is none."""
    return NONE if not of or None in of else range_of(of[0], of[1], 1, sign)
