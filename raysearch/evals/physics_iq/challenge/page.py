"""challenge.html: one page. Systems with both scores, scenarios, best and worst scenes, selectors, board entry, costs.

A system keeps its colour on the whole page. Every head says its unit and which direction is better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from raysearch import config
from raysearch.config.settings import Job
from raysearch.evals.physics_iq.challenge import choosing, gallery
from raysearch.evals.physics_iq.challenge.choosing import BASE, band
from raysearch.evals.physics_iq.challenge.scenes import Scene
from raysearch.report.components import colour, grid, header, links, notices, section, settings, small
from raysearch.report.document import asset, document
from raysearch.report.markup import NONE, Html, count, el, number
from raysearch.report.statistics import FEW
from raysearch.runs.provenance import versions

PARTS = {"spatial": "Spatial IoU", "spatiotemporal": "Spatiotemporal IoU", "weighted_spatial": "Weighted spatial IoU",
         "mse": "MSE part"}  # fmt: skip
FILES = {"challenge.json": "challenge.json", "official tables": "results/"}
SCORES = (
    "All scores are per cent, higher is better: 100 is as close to take 1 as take 2 of the same scene is. Verified "
    "score: the mean over views of four parts, each clipped at 100; the MSE part is the ratio of the errors, so it is "
    "higher for a lower error. Original score: ratios of averages over the data set, as first published. Interval: "
    "95 %, bootstrap over scenarios, of the first run; ± is the deviation over runs."
)
SYSTEMS = (
    "base is the first draw of every best-of-N run, which is what the model gives without search: N = 1. A gain is the "
    "difference from it, scenarios paired."
)


def page(job: Job, found: dict[str, Any], scenes: Sequence[Scene] = (), card: Mapping[str, Any] | None = None) -> str:
    """The page of a challenge.

    Args:
        job: The job.
        found: What challenge.json has.
        scenes: Views to show as videos.
        card: The board entry of the best system, as `protocol.card` made it.

    Returns:
        The HTML document.
    """
    colours = {name: i for i, name in enumerate(found["systems"])}
    title = headline(found)
    parts = {"Systems": "systems", "Scenarios": "scenarios", **({"Videos": "videos"} if scenes else {}),
             **({"Board entry": "board"} if card else {}), "Costs": "costs", "Settings": "configuration"}  # fmt: skip
    kicker = ["raysearch challenge", job.run.rsplit("/", 1)[-1], _data(found)]
    body = el(
        "main", header(kicker, title, _lede(found), links(_files(found)), parts), notices(_notices(found)),
        section("Systems", _systems(found, colours), small(SCORES), small(SYSTEMS), id="systems"),
        _scenarios(found, colours), _categories(found, colours), gallery.gallery(scenes, found["best"], colours),
        [choosing.pool(job, name, pool, colours) for name, pool in found["pools"].items()], _board(found, card),
        section("Costs", _costs(found, colours), id="costs"),
        settings(config.plain(job), config.to_yaml(job), {**versions(), "hash of the results": found["hash"]}),
    )  # fmt: skip
    scripts = [asset("raysearch.report", name) for name in ("tables.js", "script.js")]
    return document(title, body, scripts=scripts, media="data:" if scenes else "")


def _files(found: Mapping[str, Any]) -> dict[str, str]:
    """Files beside the page, by what they are called."""
    more = {} if found["partial"] else {"submission": "submission/"}
    return FILES | more | ({"pairs to ask people": "pairs.jsonl"} if found["pools"] else {})


def headline(found: Mapping[str, Any]) -> str:
    """The result in a sentence, with its interval, as far as there is one."""
    best = found["systems"][found["best"]]
    ends, gain = best["run_01"]["interval"].get("verified"), best.get("gain")
    text = f"{_data(found)}: {found['best']} reaches {_pm(best['score'])} % Verified score{_ends(ends)}"
    if gain is None:
        return text
    low, high = gain["interval"]
    doubt = "" if low is not None and (low > 0 or high < 0) else "; no clear difference"
    if _scenarios_of(found) < FEW:
        doubt = "; too few scenarios to tell"
    return f"{text}, {number(gain['mean'], 1, sign=True)}{_ends(gain['interval'], True)} points against one draw{doubt}"


def _scenarios_of(found: Mapping[str, Any]) -> int:
    return len({s for system in found["systems"].values() for s in system["run_01"]["by_scenario"]})


def _data(found: Mapping[str, Any]) -> str:
    return f"{found['data']}{', stand-in' if found['stand_in'] else ''}, {found['track'].upper()}"


def _lede(found: dict[str, Any]) -> list[str]:
    sentences = [
        f"{found['views']} of {found['of_views']} views, {found['fps']} frames per second, {found['seconds']:g} s."
    ]
    if found["upscale"] != "none":
        sentences.append("Clips were enlarged to the size of the real ones before scoring.")
    sentences.append("The best system was chosen on these same views; a claim needs the mean of four runs.")
    return sentences


def _notices(found: Mapping[str, Any]) -> list[str]:
    said = []
    if found["stand_in"]:
        said.append(
            "The data set is the stand-in drawn by the tiny world, not Physics-IQ; its scores can only be compared "
            "with each other."
        )
    if (scenarios := _scenarios_of(found)) < FEW:
        said.append(f"{count(scenarios, 'scenario')} only: below {FEW}, intervals over scenarios mean little.")
    if found["partial"]:
        said.append("Not all views are finished: these numbers will change.")
    return said


def _systems(found: dict[str, Any], colours: Mapping[str, int]) -> Html:
    head = [
        "System",
        "Runs",
        "Verified",
        "95 % interval",
        "Gain over base",
        "95 % interval",
        "Original",
        *PARTS.values(),
    ]
    rows = []
    for name, s in found["systems"].items():
        gain = s.get("gain")
        shown = NONE if gain is None else number(gain["mean"], 1, sign=True)
        rows.append([
            colour(colours[name], name), s["runs"], el("b", _pm(s["score"])),
            band(s["run_01"]["interval"].get("verified")), shown,
            band(gain and gain["interval"], True), _pm(s["original"]), *(_pm(s[p]) for p in PARTS),
        ])  # fmt: skip
    return grid(head, rows, "Systems", "figures", sort=True)


def _scenarios(found: Mapping[str, Any], colours: Mapping[str, int]) -> Html:
    """A row for each scenario: the score of every system, and what the best gains."""
    by = {name: s["run_01"]["by_scenario"] for name, s in found["systems"].items()}
    best, names = found["best"], list(dict.fromkeys(s for scores in by.values() for s in scores))
    rows: list[list[Any]] = []
    for scenario in names:
        each = [number(by[name][scenario], 1) if scenario in by[name] else NONE for name in by]
        both = scenario in by[best] and scenario in by.get(BASE, {})
        gain = number(by[best][scenario] - by[BASE][scenario], 1, sign=True) if both else NONE
        rows.append([scenario.removeprefix("trimmed-").removesuffix(".mp4"), *each, gain])
    heads = ["Scenario", *(colour(colours[name], name) for name in by), f"{best} over base"]
    text = "Verified score in per cent, higher is better, mean over the views of a scenario, first run."
    table = grid(heads, rows, "Scenarios", "figures", sort=True, find="Find scenarios" if len(rows) > 8 else "")
    return section("Scenarios", table, small(text), id="scenarios")


def _categories(found: Mapping[str, Any], colours: Mapping[str, int]) -> Html | None:
    by = {name: s["run_01"].get("by_category") or {} for name, s in found["systems"].items()}
    names = list(dict.fromkeys(c for scores in by.values() for c in scores if c))
    if not names:
        return None
    rows = [[c, *(number(by[n][c]["verified"], 1) if c in by[n] else NONE for n in by)] for c in names]
    text = small("Verified score in per cent, higher is better, first run.")
    return section(
        "Categories of physics",
        grid(["Category", *(colour(colours[n], n) for n in by)], rows, "Categories", "figures", sort=True),
        text,
    )


def _board(found: Mapping[str, Any], card: Mapping[str, Any] | None) -> Html | None:
    """What the leaderboard would be given of the best system, and what is still to be said."""
    if card is None:
        return None
    from raysearch.evals.physics_iq import protocol

    scores = [[k, number(v, 2, missing="one run has none")] for k, v in card["reported_scores"].items()]
    info = [
        [k, v]
        for k, v in card["public_info"].items()
        if v not in (None, "") and not (isinstance(v, float) and math.isnan(v))  # not known
    ]
    lacking = protocol.lacking(card)
    told = f"Still to be filled in: {', '.join(lacking)}." if lacking else "Nothing the validator asks for is missing."
    folder = f"submission/{quote(found['best'])}"
    return section(
        "Board entry", el("p", told), el("div", grid(["Reported score", "Per cent"], scores, "Scores", "figures"),
                                         grid(["Card", found["best"]], info, "Card", "settings"), class_="pair"),
        links({"submission.yaml": f"{folder}/submission.yaml", "descriptions.csv": f"{folder}/descriptions.csv"}),
        id="board",
    )  # fmt: skip


def _costs(found: dict[str, Any], colours: Mapping[str, int]) -> Html:
    rows = [
        [[*colour(colours.get(name.partition("/")[0], 0), ""), el("a", name, href=f"{quote(name)}/report.html")],
         f"{c['nfe']:,}", f"{c['reward_calls']:,}", number(c["generate_s"], 1), number(c["reward_s"], 1)]
        for name, c in found["costs"].items() if c
    ]  # fmt: skip
    heads = ["Run", "Network evaluations", "Reward calls", "Generators, s", "Rewards, s"]
    return grid(heads, rows, "Costs", "figures")


def _ends(of: list[float] | None, sign: bool = False) -> str:
    return "" if not of or None in of else f" [{number(of[0], 1, sign)}, {number(of[1], 1, sign)}]"


def _pm(value: dict[str, Any]) -> str:
    if value["std"] is None:
        return number(value["mean"], 1)
    return f"{number(value['mean'], 1)} ± {number(value['std'], 1)}"
