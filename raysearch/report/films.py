"""The videos of one prompt side by side: what was given, what truly follows, the chosen, the first, the worst.

Videos are embedded as base64 up to a limit; a prompt beyond it is shown with its numbers only. The last given frame is
repeated to the length of the future, so that all videos of a row stay in step.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import Result
from raysearch.report import statistics
from raysearch.report.markup import Html, decimals, el, number
from raysearch.report.reading import Run, SearchRecord

LIMIT = 40e6  # bytes of base64 text in one page
AUTOPLAY = 8  # rows that play without a script; browsers refuse to decode hundreds of videos at once


@dataclass(frozen=True)
class Tile:
    """One video of a row.

    Attributes:
        label: What it is, above its numbers.
        kind: Class in the style sheet.
        film: The mp4; None where there is none.
        lines: (name, value) pairs below the label.
        why: Why there is no film.
    """

    label: str
    kind: str
    film: bytes | None
    lines: tuple[tuple[str, str], ...] = ()
    why: str = ""


class Room:
    """The bytes of video that the page may still take, and the rows that had to go without videos.

    Args:
        limit: Bytes of base64 text in all.
    """

    def __init__(self, limit: float = LIMIT):
        self.left, self.embedded, self.omitted, self.videos_omitted = limit, 0, 0, 0

    def take(self, tiles: list[Tile]) -> bool:
        """Whether the films of a row fit, all of them; if they do, their room is taken."""
        sizes = [math.ceil(len(t.film) / 3) * 4 for t in tiles if t.film is not None]
        if sum(sizes) > self.left:
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


def tiles(run: Run, entry: SearchRecord, fps: float) -> list[Tile]:
    """The row of a prompt; one tile where the same candidate plays several parts."""
    result = entry.result
    parts: dict[int, list[str]] = {}
    if result is not None:
        for slot, part in (
            (result.best, "chosen"),
            (0, "first candidate"),
            (worst(result), "lowest reward"),
            (_own(result), "highest reward"),
        ):
            if slot is not None:
                parts.setdefault(slot, []).append(part)
    found = _scene(entry, fps)
    for slot, names in parts.items():
        assert result is not None
        film = run.film(entry, result.finals[slot].key)
        why = "" if film else "film is missing" if result.finals[slot].key in entry.films else "film was not kept"
        label = ", ".join(names)
        found.append(Tile(label[0].upper() + label[1:], names[0].split()[0], film, _lines(result, slot), why))
    return found


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


def _scene(entry: SearchRecord, fps: float) -> list[Tile]:
    """Given frames and true future of a scene of the tiny world; nothing for other prompts."""
    if entry.prompt.scene is None:
        return []
    from raysearch import videos
    from raysearch.tinyworld.heldout import GIVEN, condition

    try:
        video = condition(entry.prompt.scene, entry.prompt.scene_seed).video
    except UsageError:
        return []
    held = np.concatenate([video[:GIVEN], np.repeat(video[GIVEN - 1 : GIVEN], len(video) - GIVEN, 0)])
    motion = float(np.abs(np.diff(video.astype(np.float32), axis=0)).mean())
    return [
        Tile("Given", "given", videos.encode(held, fps), (("frames", f"{GIVEN} of {len(video)}, then held"),)),
        Tile("True future", "true", videos.encode(video, fps), (("motion", number(motion, 2)),)),
    ]


def figure(tile: Tile, prompt: str, embed: bool, autoplay: bool) -> Html:
    """A tile as HTML. embed False: numbers only."""
    text = f"{tile.label}, {prompt}"
    video: Html | None = None
    if tile.film is not None and embed:
        data = base64.b64encode(tile.film).decode()
        video = el(
            "video", src=f"data:video/mp4;base64,{data}", controls=True, muted=True, loop=True, playsinline=True,
            autoplay=autoplay, preload="auto" if autoplay else "none", aria_label=text, width=256, height=256,
        )  # fmt: skip
    elif tile.why:
        video = el("p", tile.why, class_="gone")
    lines = el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in tile.lines])
    return el("figure", video, el("figcaption", el("strong", tile.label), lines), class_=f"tile {tile.kind}")
