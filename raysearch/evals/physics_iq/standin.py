"""A small data set in the form of Physics-IQ, drawn by the tiny world: the whole challenge without a download.

Scenarios by 3 views by 2 takes. A view is another look at the same event (as it is, mirrored, in other light); take 2
starts a little differently, as reality does. Clips last 1.5 s instead of 5, which is what the tiny generator can do.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from raysearch import storage, videos
from raysearch.errors import UsageError
from raysearch.evals.physics_iq import export
from raysearch.evals.physics_iq.descriptions import COLUMNS
from raysearch.evals.physics_iq.layout import STAND_IN, VIEWS, DataSet, View
from raysearch.tinyworld.heldout import FRAMES, GIVEN
from raysearch.tinyworld.physics import PROMPTS, SCENES, SIZE, Scenes, sample, simulate
from raysearch.tinyworld.render import render

FPS = 8
SECONDS = (FRAMES - GIVEN) / FPS
ENLARGED = 8  # pixels of a clip per pixel of the world: masks need room
NUDGE = 0.25, 0.04  # px and px / frame by which take 2 starts differently, standard deviations


def write(folder: str | Path, scenarios: int, seed: int = 0) -> Path:
    """The data set, in FOLDER/physics-IQ-benchmark; nothing is done if it is there. Same seed, same files.

    Raises UsageError if another data set is there.
    """
    root = Path(folder) / "physics-IQ-benchmark"
    settings = {
        "made_by": "raysearch, tiny world",
        "scenarios": scenarios,
        "seed": seed,
        "seconds": SECONDS,
        "fps": FPS,
    }
    if (root / STAND_IN).is_file():
        if json.loads((root / STAND_IN).read_text()) != settings:
            raise UsageError(f"{root}: holds a stand-in with other settings; remove it or give another folder")
        return root
    if root.exists():
        raise UsageError(f"{root}: exists and was not finished by raysearch; remove it or give another folder")
    with storage.making(root, alone=True) as made:
        rows = []
        for take in (1, 2):
            for number, (name, scene, view, video) in enumerate(
                _clips(scenarios, take, seed), (take - 1) * scenarios * 3
            ):
                tail = f"{view}_take-{take}_{name}"
                rows.append([f"{number + 1:04d}_{tail}", PROMPTS[scene], scene.replace("_", " ").capitalize(),
                             f"{number % (scenarios * 3) + 1:04d}_{view}_{name}"])  # fmt: skip
                for kind, frames in (("testing", video[GIVEN:]), ("conditioning", video[:GIVEN])):
                    path = made / f"split-videos/{kind}/{FPS}FPS/{number + 1:04d}_{kind}-videos_{FPS}FPS_{tail}"
                    export.write(videos.encode(frames, FPS, quality=0, enlarge=False), path)
                if take == 1:
                    jpg = made / f"switch-frames/{number + 1:04d}_switch-frames_anyFPS_{view}_{Path(name).stem}.jpg"
                    export.write(_jpeg(video[GIVEN - 1]), jpg)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
        export.write(text.getvalue().encode(), made / "descriptions.csv")
        export.write(json.dumps(settings).encode(), made / STAND_IN)
    return root


def expected(scenarios: int) -> DataSet:
    """What `write` would write, without its files."""
    each = [(k, view) for k in range(scenarios) for view in VIEWS]
    views = [
        View(number + 1, _scenario(k), view, prompt=PROMPTS[SCENES[k % len(SCENES)]])
        for number, (k, view) in enumerate(each)
    ]
    return DataSet(Path("tiny"), FPS, False, tuple(views), SECONDS)


def _scenario(k: int) -> str:
    return f"trimmed-{SCENES[k % len(SCENES)].replace('_', '-')}-{k:02d}.mp4"


def _clips(scenarios: int, take: int, seed: int) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """(file name of the scenario, scene, view, video) in the order of the data set."""
    for k in range(scenarios):
        scene = SCENES[k % len(SCENES)]
        rng = np.random.default_rng([seed, k, 7])
        scenes = sample(rng, 1, scene)
        if take == 2:
            scenes = replace(
                scenes, position=scenes.position + NUDGE[0] * rng.standard_normal((1, 2, 2)),
                velocity=scenes.velocity + NUDGE[1] * rng.standard_normal((1, 2, 2)),
            )  # fmt: skip
        for view in VIEWS:
            seen = _as_seen(scenes, view)
            video = render(seen, simulate(seen, FRAMES))[0]
            yield _scenario(k), scene, view, _enlarge(video)


def _as_seen(scenes: Scenes, view: str) -> Scenes:
    if view == "perspective-left":
        mirrored, turned = scenes.position.copy(), scenes.velocity.copy()
        mirrored[..., 0] = SIZE - mirrored[..., 0]
        turned[..., 0] *= -1
        return replace(scenes, position=mirrored, velocity=turned)
    if view == "perspective-right":
        return replace(scenes, colour=scenes.colour[..., [1, 2, 0]], background=scenes.background[:, ::-1])
    return scenes


def _enlarge(video: np.ndarray) -> np.ndarray:
    return video.repeat(ENLARGED, 1).repeat(ENLARGED, 2)


def _jpeg(frame: np.ndarray) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(frame).save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()
