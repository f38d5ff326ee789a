"""The scenes of a challenge's page: each a row of videos, the real one, one draw, the chosen, and the masks of both."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from raysearch import videos
from raysearch.evals.physics_iq.challenge.scenes import Scene
from raysearch.report import films
from raysearch.report.components import section, small
from raysearch.report.markup import Html, el, number

NAMED = {"spatial": "spatial IoU", "spatiotemporal": "spatiotemporal IoU", "weighted_spatial": "weighted IoU",
         "mse": "MSE part"}  # fmt: skip


def gallery(scenes: Sequence[Scene], system: str, colours: Mapping[str, int]) -> Html | None:
    """The section; None without scenes.

    Args:
        scenes: From the highest to the lowest gain.
        system: Name of the best system, which has chosen.
        colours: Number of the colour of each system.
    """
    if not scenes:
        return None
    text = small(
        f"Views on which {system} gains most over one draw, then those on which it gains least or loses, first run. "
        "Masks: where the real take moves (blue), where the chosen clip moves (orange), where both do (white); the "
        "overlaps of the two are three of the four parts of the score."
    )
    rows = [_row(scene, system, colours, k) for k, scene in enumerate(scenes)]
    _, height, width, _ = videos.decode(scenes[0].films["real"])[0].shape
    shape = f"--shape: {width} / {height}"
    return section("Best and worst scenes", text, films.tools(), el("div", rows, style=shape), id="videos")


def _row(scene: Scene, system: str, colours: Mapping[str, int], place: int) -> Html:
    name = f"{scene.view.id:04d} {scene.view.view}"
    gain = f"gains {number(scene.gain, 1, sign=True)} points"
    lines = {
        "real": ("Real, take 1", "given", []),
        "base": ("base, one draw", "first", [("score", f"{number(scene.base, 1)}\u00a0%")]),
        "chosen": (f"{system}, chosen", "chosen", [("score", f"{number(scene.score, 1)}\u00a0%")]),
        "masks": ("Motion masks", "other", [(NAMED[k], f"{number(v, 1)}\u00a0%") for k, v in scene.parts.items()]),
    }
    tiles = []
    for key, (label, kind, told) in lines.items():
        source = f"data:video/mp4;base64,{base64.b64encode(scene.films[key]).decode()}"
        swatch = el("span", class_=f"swatch s{colours[known] % 8}") if (known := _of(key, system)) in colours else None
        video = el(
            "video", src=source, controls=True, muted=True, loop=True, playsinline=True, aria_label=f"{label}, {name}",
            autoplay=place < 2, preload="auto" if place < 2 else "none", width=256, height=144,
        )  # fmt: skip
        listed = el("dl", [el("div", el("dt", k), el("dd", v)) for k, v in told])
        tiles.append(el("figure", video, el("figcaption", el("strong", swatch, label), listed), class_=f"tile {kind}"))
    scenario = scene.view.scenario.removeprefix("trimmed-").removesuffix(".mp4")
    return el(
        "article", el("h3", scenario, el("span", f"{name}, {gain}. {scene.view.prompt}", class_="text")),
        el("div", tiles, class_="tiles four"), el("div", films.control(name), class_="below"), class_="row",
    )  # fmt: skip


def _of(key: str, system: str) -> str:
    """The system whose video it is; empty for none."""
    return {"base": "base", "chosen": system}.get(key, "")
