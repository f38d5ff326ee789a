"""A forecast in words and as plain values: what `raysearch challenge --dry-run` prints."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from raysearch.evals.physics_iq import reals
from raysearch.evals.physics_iq.challenge import settings
from raysearch.evals.physics_iq.challenge.forecast import Forecast, disk, hours
from raysearch.evals.physics_iq.clips import count
from raysearch.runs.footprint import GB, deadline, gpus_of, longest_call
from raysearch.runs.split import Split, splits


def lines(found: Forecast) -> list[str]:
    """The forecast, a line for each fact."""
    told = [*found.notes, *_data(found)]
    for name, number, c in found.runs:
        told.append(
            f"{name}, run {number}: {c.prompts} prompts, {c.moves} moves, {c.evaluations} network evaluations, "
            f"{c.films} films"
        )
    if found.speed is None:
        told.append(
            f"in all {found.total.evaluations} network evaluations; those of {found.job.generator.model} take a time "
            "that cannot be computed here: give --seconds-per-nfe or --from RUN for GPU-hours"
        )
    else:
        told += [f"  {source}" for source in found.speed.sources]
        told += [_hours(found), *_splits(found)]
        told.append(deadline(found.job, found.total.longest, found.speed.pace))
    if found.memory is not None:
        told += found.memory.lines(found.asked.gpu)
        told.append(_disk(found))
    return told


def values(found: Forecast) -> dict[str, Any]:
    """The forecast as plain values, for `--json`."""
    longest = found.speed and longest_call(found.total.longest, found.speed.pace)
    return {
        "views": len(found.data.views), "verified": found.data.verified, "fps": found.data.fps,
        "frames": {"made": found.scale and found.scale.made, "conditioning": found.lost,
                   "scored": count(found.data.seconds, found.data.fps)},
        "runs": [{"name": name, "run": number, **asdict(c)} for name, number, c in found.runs],
        "total": asdict(found.total), "pace": found.speed and asdict(found.speed.pace),
        "flop_per_evaluation": found.scale and found.scale.flop, "gpu_hours": hours(found),
        "splits": [asdict(split) for split in shares(found)], "longest_call_s": longest,
        "deadline_s": found.job.cluster.deadline_s, "memory": found.memory and asdict(found.memory),
        "disk": disk(found),
    }  # fmt: skip


def shares(found: Forecast) -> list[Split]:
    """How to share the GPUs of the cluster settings; of a machine's, where these ask for none."""
    if found.speed is None:
        return []
    total, pace = found.total, found.speed.pace
    made = total.evaluations * pace.evaluation_s + (total.scored + total.films) * pace.decode_s
    gpus = math.ceil(gpus_of(found.job) - 1e-6) or found.asked.per_node
    return splits(gpus, made, total.scored * pace.score_s, found.job.cluster.generators.ranks)


def _data(found: Forecast) -> list[str]:
    data, options = found.data, found.options
    kept = count(data.seconds, data.fps)
    name = "the stand-in" if options.data == "tiny" else f"Physics-IQ{' Verified' * data.verified}"
    here = options.data == "tiny" or (Path(options.data) / "split-videos/testing").is_dir()
    made = found.scale.made if found.scale else found.job.generator.num_frames
    made_real = all(view.real for view in data.views)
    store = options.cache or f"{settings.near(found.job, options)}/cache"
    cached = sum(reals.cached(view, data.fps, store) for view in data.views) if made_real else 0
    return [
        f"{name}, {options.track.upper()}: {len(data.views)} views of {data.seconds:g} s, {data.fps} frames per second"
        + ("" if here else f" (counted as published: {options.data} is not here)"),
        f"scoring: {len(data.views)} views, real clips of {cached} cached",
        f"frames: {made} made, {found.lost} of conditioning + {kept} that are scored = {found.lost + kept} needed",
    ]


def _hours(found: Forecast) -> str:
    assert found.speed is not None
    total, gpu_hours = found.total, hours(found)
    scores = total.scored * found.speed.pace.score_s / 3600
    return (
        f"in all {total.evaluations} network evaluations, {total.scored + total.films} decodes and {total.scored} "
        f"scores = {gpu_hours:.1f} GPU-hours on {found.asked.gpu}, {scores:.1f} of them of rewards"
    )


def _splits(found: Forecast) -> list[str]:
    ways = shares(found)
    gpus = math.ceil(gpus_of(found.job) - 1e-6)
    what = f"{gpus or found.asked.per_node} GPUs"
    return [f"on {what}: " + "; ".join(way.text for way in ways)] if ways else []


def _disk(found: Forecast) -> str:
    sizes = disk(found)
    kept = {name: size for name, size in sizes.items() if name != "latents written meanwhile"}
    parts = ", ".join(f"{name} {size / GB:.1f}" for name, size in kept.items() if size)
    pruned = sizes["latents written meanwhile"] / GB
    return (
        f"disk: about {sum(kept.values()) / GB:.1f} GB at the end ({parts}); {pruned:.1f} GB of latents are written "
        "meanwhile and pruned search by search"
    )
