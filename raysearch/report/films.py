"""The videos of one prompt side by side: what was given, what truly follows, the chosen, the first, the worst.

Videos are embedded as base64 up to a limit; a page beside its run folder takes those of further prompts from there, and
loads none before it is seen. The last given frame is repeated to the length of the future, so that all videos of a row
stay in step.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Result
from raysearch.report import statistics
from raysearch.report.maps import Maps
from raysearch.report.markup import Html, decimals, el, number
from raysearch.report.reading import Run, SearchRecord

LIMIT = 24e6  # bytes of base64 text in one page
AUTOPLAY = 2  # rows that play without a script, as many as a window shows; the others wait until they are seen


@dataclass(frozen=True)
class Tile:
    """One video of a row.

    Attributes:
        label: What it is, above its numbers.
        kind: Class in the style sheet.
        film: The mp4, or its path within the run folder; None where there is none.
        lines: (name, value) pairs below the label.
        why: Why there is no film.
        map: Its surprise map, as `Maps.written` gives it.
        first_break: When it first breaks, as a share of its length.
    """

    label: str
    kind: str
    film: bytes | str | None
    lines: tuple[tuple[str, str], ...] = ()
    why: str = ""
    map: dict[str, Any] | None = None
    first_break: float | None = None

    def size(self, run: Run) -> int:
        """Bytes that it takes within the page."""
        bare = 0 if self.film is None else len(self.film) if isinstance(self.film, bytes) else (
            (run.folder / self.film).stat().st_size
        )  # fmt: skip
        return math.ceil(bare / 3) * 4 + (len(self.map["cells"]) if self.map else 0)

    def data(self, run: Run) -> str:
        """The film as an address that holds it."""
        assert self.film is not None
        mp4 = self.film if isinstance(self.film, bytes) else (run.folder / self.film).read_bytes()
        return f"data:video/mp4;base64,{base64.b64encode(mp4).decode()}"


class Room:
    """The bytes of video that the page may still take, and the rows that had to go without videos.

    Args:
        limit: Bytes of base64 text in all.
    """

    def __init__(self, limit: float = LIMIT):
        self.left, self.embedded, self.omitted, self.videos_omitted = limit, 0, 0, 0
        self.full = False

    def take(self, tiles: Sequence[tuple[Run, Tile]]) -> bool:
        """Whether the films of a row fit, all of them; if they do, their room is taken. After one that does not, none
        does.
        """
        sizes = [t.size(run) for run, t in tiles if t.film is not None]
        if self.full or sum(sizes) > self.left:
            self.full = True
            self.omitted += 1
            self.videos_omitted += len(sizes)
            return False
        self.left -= sum(sizes)
        self.embedded += bool(sizes)
        return True


def worst(result: Result) -> int | None:
    """Slot of the lowest reward, None where nothing was scored."""
    values = statistics.measure(None).of(result)
    return int(np.nanargmin(values)) if np.isfinite(values).any() else None


def parts(result: Result) -> dict[int, list[str]]:
    """The candidates that are shown, by slot, each with the parts that it plays."""
    found: dict[int, list[str]] = {}
    for slot, part in (
        (result.best, "chosen"),
        (0, "first candidate"),
        (worst(result), "lowest reward"),
        (_own(result), "highest reward"),
    ):
        if slot is not None:
            found.setdefault(slot, []).append(part)
    return found


def shown(run: Run) -> dict[str, list[str]]:
    """Keys of the finals whose films the page shows, by the name of the search."""
    found = [(e.name, e.result) for e in run.entries if e.result is not None]
    return {name: [result.finals[slot].key for slot in parts(result)] for name, result in found}


def tiles(run: Run, entry: SearchRecord, fps: float, maps: Maps | None = None, scene: bool = True) -> list[Tile]:
    """The row of a prompt; one tile where the same candidate plays several parts.

    Args:
        run: The run.
        entry: Its search.
        fps: Frames per second of what is drawn here.
        maps: Surprise maps of the run.
        scene: Whether given frames and true future are drawn, where they are known.
    """
    result = entry.result
    found = scene_of(entry, fps) if scene else []
    for slot, names in parts(result).items() if result is not None else ():
        label = ", ".join(names)
        found.append(candidate(run, entry, slot, label[0].upper() + label[1:], names[0].split()[0], maps))
    return found


def candidate(
    run: Run, entry: SearchRecord, slot: int, label: str, kind: str, maps: Maps | None = None
) -> Tile:  # fmt: skip
    """The tile of one final of a search that has a result.

    Args:
        run: The run.
        entry: Its search.
        slot: Which final.
        label: What it is called.
        kind: Its class in the style sheet.
        maps: Surprise maps of the run.
    """
    result = entry.result
    assert result is not None
    key = result.finals[slot].key
    film, told, at, surprise = run.film_path(entry, key), _lines(result, slot), None, None
    why = "" if film else "film is missing" if key in entry.films else "film was not kept"
    if maps is not None and (path := entry.films.get(key)) in maps.of and film:
        assert path is not None
        surprise, at = maps.written(path), maps.marked(path, result.finals[slot])
        told = (*told, ("first break", "none" if at is None else f"at {number(100 * at, 0)} %"))
    return Tile(label, kind, film, told, why, surprise, at)


def control(name: str) -> Html:
    """The button and the time bar of a row of videos, which the script shows."""
    bar = el("input", type="range", min=0, max=1000, value=0, aria_label=f"Position in the videos of {name}")
    button = el("button", "Pause", type="button", class_="play", aria_label=f"Pause or play: {name}")
    return el("div", button, el("span", bar, class_="bar"), class_="control", hidden=True)


def tools(*more: Html | None) -> Html:
    """The buttons for all videos of a page, which the script shows; more: further ones."""
    return el(
        "div", el("button", "Pause all", type="button", id="pause", aria_pressed="false"),
        el("button", "Slow motion", type="button", id="slow", aria_pressed="false"), *more, class_="tools", hidden=True,
    )  # fmt: skip


def _own(result: Result) -> int | None:
    """What the search itself had chosen, where `choose` had the last word."""
    return result.notes["choose"]["argmax"] if "choose" in result.notes else None


def _lines(result: Result, slot: int) -> tuple[tuple[str, str], ...]:
    """The (name, value) pairs under a candidate, with as many digits as the spread among all candidates needs."""
    keys = (None, statistics.ERROR, statistics.MOTION)
    names = {None: "reward", statistics.ERROR: "error", statistics.MOTION: "motion"}
    lines = []
    for key in keys:
        m = statistics.measure(key)
        values = m.of(result)
        if key is None or np.isfinite(values).any():
            lines.append((names[key], _value(values, slot, m.unit if key == statistics.ERROR else "")))
    return tuple(lines)


def _value(values: np.ndarray, slot: int, unit: str) -> str:
    known = values[np.isfinite(values)]
    places = decimals(known, float(np.ptp(known)) if len(known) else math.nan)
    text = number(float(values[slot]), places)
    return f"{text} {unit}" if unit and math.isfinite(values[slot]) else text


def scene_of(entry: SearchRecord, fps: float) -> list[Tile]:
    """Given frames and true future of a scene of the tiny world; nothing for other prompts."""
    if entry.prompt.scene is None:
        return []
    from raysearch import videos
    from raysearch.tinyworld.heldout import condition

    try:
        truth = condition(entry.prompt.scene, entry.prompt.scene_seed, fps)
    except UsageError:
        return []
    video, given = truth.video, truth.count
    held = np.concatenate([truth.given, np.repeat(truth.given[-1:], len(video) - given, 0)])
    motion = float(np.abs(np.diff(video.astype(np.float32), axis=0)).mean())
    return [
        Tile("Given", "given", videos.encode(held, fps), (("frames", f"{given} of {len(video)}, then held"),)),
        Tile("True future", "true", videos.encode(video, fps), (("motion", number(motion, 2)),)),
    ]


def figure(run: Run, tile: Tile, prompt: str, embed: bool, autoplay: bool, beside: bool) -> Html:
    """A tile as HTML.

    Args:
        run: The run.
        tile: The tile.
        prompt: Name of its prompt.
        embed: Whether its film is within the page.
        autoplay: Whether it plays at once.
        beside: Whether a film that is not may be taken from the run folder, in which the page lies.
    """
    text = f"{tile.label}, {prompt}"
    shown: Html | None = None
    source = None
    if tile.film is not None:
        source = tile.data(run) if embed else quote(tile.film) if beside and isinstance(tile.film, str) else None
    if source is not None:
        video = el(
            "video", src=source, controls=True, muted=True, loop=True, playsinline=True,
            autoplay=autoplay and embed, preload="auto" if autoplay and embed else "none", aria_label=text, width=256,
            height=256, data_map=json.dumps(tile.map, separators=(",", ":")) if tile.map and embed else None,
            data_break=None if tile.first_break is None else round(tile.first_break, 4),
        )  # fmt: skip
        shown = el("div", video, class_="screen") if tile.map else video
    elif tile.why:
        shown = el("p", tile.why, class_="gone")
    lines = el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in tile.lines])
    return el("figure", shown, el("figcaption", el("strong", tile.label), lines), class_=f"tile {tile.kind}")
