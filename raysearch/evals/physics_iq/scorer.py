"""Score folders of generated clips: everything is checked first, then views are measured, then files are written.

A task is a view with the clips of all models, so what is real is read once. Results go to OUT/NAME.csv, the official
table, and OUT/NAME.json, the scores; whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial as bound
from pathlib import Path
from typing import Any

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.evals import shards
from raysearch.evals.physics_iq import clips, layout, reals, score, table
from raysearch.evals.physics_iq.layout import View
from raysearch.evals.physics_iq.metrics import compare, reduce
from raysearch.videos import Source


@dataclass(frozen=True)
class ModelClips:
    """A folder of generated clips.

    Attributes:
        name: Name of the results.
        clips: Paths by the number of the view.
        fps: Frames per second.
        size: (width, height) in pixels.
    """

    name: str
    clips: dict[int, Path]
    fps: int
    size: tuple[int, int]


def folder(path: str | Path, data: layout.DataSet, partial: bool = False, name: str | None = None) -> ModelClips:
    """A checked folder. Raises UsageError naming the first clip that does not fit."""
    found = layout.numbered(Path(path), data.views, partial)
    probes = {n: clips.check(p, data.seconds) for n, p in found.items()}
    first = next(iter(probes))
    for n, probe in probes.items():
        for what in ("fps", "width", "height"):
            value, wanted = getattr(probe, what), getattr(probes[first], what)
            if value != wanted:
                raise UsageError(
                    f"{found[n]}: {what} is {float(value):g}, but {found[first].name} has {float(wanted):g}; all clips "
                    "of a folder must agree"
                )
    probe = probes[first]
    return ModelClips(name or Path(path).resolve().name, found, int(probe.fps), (probe.width, probe.height))


def rate(path: str | Path) -> int:
    """Frames per second of a folder of clips, by its first clip; this selects the data set to read."""
    found = sorted(p for p in Path(path).glob("*.mp4") if not p.name.startswith(".")) if Path(path).is_dir() else []
    if not found:
        raise UsageError(f"{path}: holds no mp4 files; give a folder of generated clips, 0001_*.mp4 and so on")
    return int(clips.probe(found[0]).fps)


def measure(job: tuple[View, Sequence[Source]], fps: int, cache: str, seconds: float) -> list[dict[str, Any]]:
    """The 12 measures of each clip, by its path or its bytes, against a view."""
    view, paths = job
    real = reals.load(view, fps, cache, seconds)
    found = []
    for path in paths:
        mine = reduce(clips.frames(path, clips.count(seconds, fps)), fps, *real.size)
        if len(mine.frames) != len(real.takes[0].frames):
            wanted = len(real.takes[0].frames)
            raise UsageError(
                f"{clips.named(path)}: {len(mine.frames)} frames can be decoded, but the real clip has {wanted}"
            )
        found.append(table.measurement(compare(mine, real.takes[0]), compare(mine, real.takes[1]), real.variance))
    return found


def run(
    data: layout.DataSet, models: Sequence[ModelClips], cache: str | Path, workers: int = 0, address: str = "local",
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[dict[tuple[str, str], dict[str, Any]]]:  # fmt: skip
    """Measure every clip of every model.

    Args:
        data: The data set, at one frame rate.
        models: Folders of clips, as `folder` reads them.
        cache: Folder for what is computed from the real clips.
        workers: Views measured at a time, on Ray; 0 for this process.
        address: The Ray cluster to join; every node must see the files.
        progress: Called with (views done, views in all) after each view.

    Returns:
        For each model its table: the 12 measures by (scenario, view).

    Raises:
        UsageError: The frame rate of a model is not that of the data set.
    """
    for model in models:
        if model.fps != data.fps:
            raise UsageError(
                f"{model.name}: has {model.fps} frames per second, {models[0].name} {data.fps}; score apart"
            )
    jobs = [(v, [(i, m.clips[v.id]) for i, m in enumerate(models) if v.id in m.clips]) for v in data.views]
    jobs = [(v, paths) for v, paths in jobs if paths]
    tables: list[dict[tuple[str, str], dict[str, Any]]] = [{} for _ in models]
    work = bound(measure, fps=data.fps, cache=os.fspath(cache), seconds=data.seconds)
    asked: list[tuple[View, Sequence[Source]]] = [(v, [p for _, p in paths]) for v, paths in jobs]
    measured: dict[int, list[dict[str, Any]]] = {}
    for index, result in shards.each(work, asked, workers, address):
        measured[index] = result
        progress(len(measured), len(jobs))
    for index, (view, paths) in enumerate(jobs):
        for (i, _), row in zip(paths, measured[index], strict=True):
            tables[i][view.scenario, view.view] = row
    return tables


def report(data: layout.DataSet, model: ModelClips, found: table.Table) -> dict[str, Any]:
    """What OUT/NAME.json says."""
    categories = {v.scenario: v.category for v in data.views}
    wanted = {(v.scenario, v.view) for v in data.views}
    return {
        "name": model.name, "data": "Physics-IQ Verified" if data.verified else "Physics-IQ", "fps": model.fps,
        "width": model.size[0], "height": model.size[1], "partial": set(found) != wanted, "of_views": len(wanted),
        **score.summary(found, categories if all(categories.values()) else None),
    }  # fmt: skip


def write(out: str | Path, name: str, found: table.Table, scores: dict[str, Any]) -> None:
    """OUT/NAME.csv and OUT/NAME.json, in a folder or at a URL."""
    storage.write(f"{out}/{name}.csv", table.to_csv(found))
    storage.write(f"{out}/{name}.json", json.dumps(scores, indent=1))
