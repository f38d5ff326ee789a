"""The sections of the page: measures, prompts with their videos, failures, notes, configuration."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from raysearch.report import films, plots, statistics
from raysearch.report.markup import NONE, Html, count, decimals, el, number
from raysearch.report.reading import Run, SearchRecord
from raysearch.report.statistics import Comparison

_BETTER = {1: "higher", -1: "lower", 0: NONE}
# Notes that have sections of their own.
_ELSEWHERE = (
    "backtrack", "choose", "each", "families", "log_z_error", "lag", "reads", "roots_left", "slopes", "spread",
    "wordings",
)  # fmt: skip
_LONG = 160  # characters of a note shown without unfolding


def section(title: str, *content: Any) -> Html:
    """A section of a page under its heading."""
    return el("section", el("h2", title), *content)


def grid(heads: Sequence[str], rows: Sequence[Sequence[Any]], caption: str, class_: str = "") -> Html:
    """A table; the first cell of a row is its heading. It scrolls by itself where the window is narrow."""
    head = el("thead", el("tr", [el("th", h, scope="col") for h in heads]))
    body = [el("tr", el("th", r[0], scope="row"), [el("td", c) for c in r[1:]]) for r in rows]
    table = el("table", el("caption", caption, class_="unseen"), head, el("tbody", body), class_=class_ or None)
    return el("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)


def table(run: Run, rows: Sequence[Comparison]) -> Html | None:
    """Every measure: first, random, chosen, oracle, change with interval, rank correlation."""
    if not rows:
        return None
    heads = ["Measure", "Better", "First", "Random", "Chosen", "Oracle", "Change", "95 % interval", "", "Rank corr."]
    text = [
        f"Means over prompts. First: the first candidate, N = 1. Random: the mean candidate, what N = 1 gives in "
        f"expectation{'' if run.independent else ', here of the final population'}. Chosen: {_last_word(run)}. "
        "Oracle: the best candidate by that measure, for truth only. Change: chosen minus random, with a percentile "
        "bootstrap over prompts (10,000 resamples, fixed seed). Rank corr.: Spearman's correlation of search reward "
        "and measure among the candidates of a prompt, mean over prompts; a reward that tracks a measure where lower "
        "is better has a negative one."
    ]
    if any(r.measure.key == statistics.ERROR for r in rows):
        text.append(f" {statistics.TRUTH} is minus the trajectory error and not repeated.")
    if len({r.prompts for r in rows}) > 1:
        text.append(" Where a measure is missing for some prompts, the number of prompts is given below its name.")
    some = len({r.prompts for r in rows}) > 1
    body = [_measure(r, some) for r in rows]
    return section(
        "Measures", grid(heads, body, "Measures over all prompts", "measures"), el("p", text, class_="small")
    )


def _last_word(run: Run) -> str:
    return "by the final choice" if any("choose" in r.notes for r in run.results) else "by the search reward"


def _measure(r: Comparison, counted: bool) -> list[Any]:
    places = decimals([r.first, r.random, r.chosen, r.oracle], r.change)
    m = r.measure
    unit = f" {m.unit}" if m.unit else ""
    below = " · ".join(([m.key] if m.key else []) + ([count(r.prompts, "prompt")] if counted else []))
    label = [m.label, el("span", unit, class_="unit"), el("small", below) if below else None]
    interval = NONE
    if not math.isnan(r.low):
        interval = f"{number(r.low, places, sign=True)} to {number(r.high, places, sign=True)}"
    shown = [number(v, places, missing=NONE) for v in (r.first, r.random, r.chosen, r.oracle)]
    verdict = el("span", r.verdict, class_=f"verdict {r.verdict}") if r.verdict else None
    shown[2] = el("b", shown[2])
    return [
        label, _BETTER[m.better], *shown, number(r.change, places, sign=True), interval, verdict,
        number(r.rho, 2, sign=True, missing=NONE),
    ]  # fmt: skip


def prompts(run: Run, limit: float) -> Html | None:
    """A row of videos for every prompt that has a result."""
    entries = [e for e in run.entries if e.result is not None]
    if not entries:
        return None
    generator = run.config.get("generator")
    fps = generator.get("fps") if isinstance(generator, Mapping) else None
    room = films.Room(limit)
    rows = [_prompt(run, e, fps if isinstance(fps, (int, float)) and fps > 0 else 8.0, room) for e in entries]
    tools = el(
        "div", el("button", "Pause all", type="button", id="pause", aria_pressed="false"),
        el("button", "Slow motion", type="button", id="slow", aria_pressed="false"), class_="tools", hidden=True,
    )  # fmt: skip
    omitted = None
    if room.omitted:
        omitted = el(
            "p", f"{count(room.videos_omitted, 'video')} of {count(room.omitted, 'prompt')} left out to keep this page "
            f"below {limit / 1e6:,.3g} MB of video; they are in the run folder under films/.", class_="notice",
        )  # fmt: skip
    return section("Videos", tools if room.embedded else None, omitted, rows)


def _prompt(run: Run, entry: SearchRecord, fps: float, room: films.Room) -> Html:
    result = entry.result
    assert result is not None
    tiles = films.tiles(run, entry, fps)
    embed = room.take(tiles)
    playable = embed and any(t.film is not None for t in tiles)
    auto = room.embedded <= films.AUTOPLAY
    badges = []
    if (share := statistics.frozen(result)) is not None:
        still = f"Nearly still: moves {number(100 * share, 0)} % as much as the median candidate"
        badges.append(el("span", still, class_="badge"))
    if nan := statistics.unscored(result):
        badges.append(el("span", f"{count(nan, 'candidate')} not scored", class_="badge"))
    text = entry.prompt.text or (entry.prompt.image or entry.prompt.video or "")
    control = el(
        "div", el("button", "Pause", type="button", class_="play", aria_label=f"Pause or play: {entry.name}"),
        el("input", type="range", min=0, max=1000, value=0, aria_label=f"Position in the videos of {entry.name}"),
        class_="control", hidden=True,
    )  # fmt: skip
    return el(
        "article", el("h3", entry.name, el("span", text, class_="text"), badges),
        el("div", [films.figure(t, entry.name, embed, auto) for t in tiles], class_="tiles"),
        el("div", control if playable else None, _rewards(result), class_="below"), class_="row",
    )  # fmt: skip


def _rewards(result: Any) -> Html:
    known = len(result.finals) - statistics.unscored(result)
    if not known:
        return el("p", "not scored", class_="small")
    text = f"Rewards of {count(known, 'candidate')}: chosen filled, lowest hollow, first with a bar"
    return el("figure", plots.strip(result, films.worst(result)), el("figcaption", text), class_="rewards")


def failures(run: Run) -> Html | None:
    """The searches that failed, each with its reason; None if none did."""
    failed = [(e.name, e.prompt.text or NONE, e.error or "no result") for e in run.entries if e.result is None]
    return section("Failures", grid(["Search", "Prompt", "Reason"], failed, "Searches that failed")) if failed else None


def notes(run: Run) -> Html | None:
    """Whatever the searches wanted known, one line a prompt, and what a sampler adds: log Z and its effective size."""
    entries = [e for e in run.entries if e.result is not None]
    keys = list(dict.fromkeys(k for e in entries for k in (e.result.notes if e.result else {}) if k not in _ELSEWHERE))
    weighted = any(e.result and e.result.log_weights is not None for e in entries)
    has_z = any(e.result and e.result.log_z is not None for e in entries)
    if not keys and not weighted and not has_z:
        return None
    rows = []
    for e in entries:
        assert e.result is not None
        row: list[Any] = [e.name]
        if has_z:
            row.append(NONE if e.result.log_z is None else number(e.result.log_z, 4))
        if weighted:
            row.append(_effective(e.result.log_weights))
        rows.append(row + [_note(e.result.notes.get(k)) for k in keys])
    heads = ["Prompt", *(["log Z"] if has_z else []), *(["weights"] if weighted else []), *keys]
    shown = grid(heads, rows, "Notes of the searches", "notes")
    return section("Search notes", shown if len(rows) <= 12 else el("details", el("summary", "All prompts"), shown))


def _effective(log_weights: Sequence[float] | None) -> Any:
    """Effective sample size and, unfolded, every normalised weight."""
    if not log_weights:
        return NONE
    top = max(log_weights)
    raw = [math.exp(w - top) if math.isfinite(w) else 0.0 for w in log_weights] if math.isfinite(top) else []
    if not raw:
        return "no weight left"
    weights = [w / sum(raw) for w in raw]
    size = 1 / sum(w * w for w in weights)
    summary = el("summary", f"ESS {size:.1f} of {len(weights)}")
    return el("details", summary, ", ".join(number(w, 3) for w in weights))


def _note(value: Any) -> Any:
    if value is None:
        return NONE
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:,}" if isinstance(value, int) else number(value, missing="nan")
    numeric = isinstance(value, list) and all(isinstance(v, (int, float)) for v in value)
    if numeric:
        text = ", ".join(f"{v}" if isinstance(v, int) else number(v, missing="nan") for v in value) or "none"
    else:
        text = value if isinstance(value, str) else json.dumps(value, default=str).replace("null", NONE)
    drawn = plots.spark(value) if numeric else None
    if len(text) <= _LONG:
        return [drawn, text]
    return [drawn, el("details", el("summary", text[:60] + " …"), text)]


def configuration(run: Run) -> Html:
    """config.yaml, the versions of the libraries, and the hash of the results."""
    text, rows = run.config_text, [*run.versions.items(), ("hash of the results", run.hash or NONE)]
    return section(
        "Configuration",
        el("details", el("summary", "config.yaml"), el("pre", text, tabindex=0)) if text else None,
        grid(["", "Version"], rows, "Versions and hash", "versions"),
        el("p", "On the same versions and kind of hardware, the same job gives the same hash, whatever the number of "
           "replicas.", class_="small"),
    )  # fmt: skip
