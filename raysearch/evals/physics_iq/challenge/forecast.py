"""What a challenge would take, in seconds and without its data set, its model or a GPU; nothing is written.

Searches run on rewards that are made up, so the numbers of Moves, evaluations and films are exact for every search of
which they do not depend on rewards. Seconds and bytes are computed (runs/pace.py, runs/footprint.py), or measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from raysearch.config.settings import Job
from raysearch.evals.physics_iq.challenge import conditioning, settings
from raysearch.evals.physics_iq.challenge.settings import ChallengeRun, Settings
from raysearch.evals.physics_iq.clips import count as frames_in
from raysearch.evals.physics_iq.layout import DataSet
from raysearch.generators.scale import Scale, scale
from raysearch.moves import digest
from raysearch.prompts import Prompt
from raysearch.runs import Resolved, resolve, rewriting
from raysearch.runs.counts import Counts, counts
from raysearch.runs.footprint import PER_NODE, Footprint, footprint
from raysearch.runs.pace import Speed, computable, speed
from raysearch.runs.plan import Pace

PER_PIXEL = 0.074  # bytes of a film or clip for each pixel of each frame, H.264 at the qualities used here
LOSSLESS = 1.2  # the same of a conditioning clip
REAL = 2 * (3 + 1 / 8) / 16  # bytes of the cache for each pixel of a real clip: two takes of a quarter, masks as bits
REAL_PIXELS = 3840 * 2160


@dataclass(frozen=True)
class Asked:
    """What the command says.

    Attributes:
        gpu: name of the GPU.
        mfu: share of its peak that a network reaches.
        per_node: GPUs of a machine.
        pace: seconds that are given or measured; NaN where they are computed.
        measured: the run that they come from; empty where they were given.
        limit: only this many views.
        scenario: only scenarios whose name contains this.
    """

    gpu: str = "H100"
    mfu: float = 0.45
    per_node: int = PER_NODE
    pace: Pace | None = None
    measured: str = ""
    limit: int | None = None
    scenario: str | None = None


@dataclass(frozen=True)
class Forecast:
    """What a challenge would take.

    Attributes:
        data: the data set, or what is expected of it.
        options: the settings of the challenge.
        job: the job.
        notes: what the job does otherwise than it says.
        runs: name, number of the repetition and counts of every run.
        lost: frames at the start of a video that are conditioning.
        scale: of the generator; None where it is not known.
        speed: of a replica; None where it is not known.
        memory: what it takes; None where the scale is not known.
        asked: what the command says.
    """

    data: DataSet
    options: Settings
    job: Job
    notes: tuple[str, ...]
    runs: tuple[tuple[str, int, Counts], ...]
    lost: int
    scale: Scale | None
    speed: Speed | None
    memory: Footprint | None
    asked: Asked

    @property
    def total(self) -> Counts:
        """Of all runs together."""
        return sum((counts for _, _, counts in self.runs), Counts())


def forecast(job: Job, asked: Asked) -> Forecast:
    """Size up a challenge.

    Raises:
        UsageError: for a job that is wrong, videos that would be too short, and seconds that no GPU can reach.
    """
    options = settings.read(job)
    data = settings.pick(settings.expected(job, options), asked.limit, asked.scenario)
    checked = conditioning.check(job, options, data)
    todo = list(imagined(job, options, data))
    notes = tuple(dict.fromkeys([*checked, *todo[0][1].notes]))
    found = [(entry.name, entry.number, counts(resolved)) for entry, resolved in todo]
    judges = todo[0][1].judges
    of = scale(job.generator)
    known = computable(of) or asked.pace is not None
    pace = speed(job, judges, of, asked.gpu, asked.mfu, asked.pace, asked.measured) if known else None
    kept = max(c.moves // max(c.prompts, 1) for _, _, c in found)
    memory = footprint(job, judges, of, kept, asked.per_node) if of is not None else None
    lost = conditioning.drop(job, options, data.views[0])
    return Forecast(data, options, job, notes, tuple(found), lost, of, pace, memory, asked)


def imagined(job: Job, options: Settings, data: DataSet) -> Iterator[tuple[ChallengeRun, Resolved]]:
    """Every run, resolved as far as its searches need: their prompts are numbers, and no model is asked."""
    items = [{"id": f"{v.id:04d}", "text": v.prompt or v.name} for v in data.views]
    prompts = tuple(Prompt(item["id"], item["text"]) for item in items)
    scopes = tuple(digest(["imagined", item]) for item in items)
    for entry in settings.entries(job, options, items):
        plain = replace(entry.job, choose={}, baseline=False)
        resolved = resolve(plain, elsewhere=True, with_prompts=False).measured(1.0)
        yield entry, rewriting.imagined(replace(resolved, prompts=prompts, scopes=scopes))


def hours(found: Forecast) -> float | None:
    """GPU-hours of all runs, generators and rewards."""
    if found.speed is None:
        return None
    total, pace, ranks = found.total, found.speed.pace, found.job.cluster.generators.ranks
    made = total.evaluations * pace.evaluation_s + (total.scored + total.films) * pace.decode_s
    return (ranks * made + total.scored * pace.score_s) / 3600


def disk(found: Forecast) -> dict[str, float]:
    """Bytes that are written, by what they are; {} where the size of the videos is not known."""
    if found.scale is None:
        return {}
    of, total, views = found.scale, found.total, len(found.data.views)
    pixels, kept = of.height * of.width, frames_in(found.data.seconds, found.data.fps)
    real = 0 if found.options.data == "tiny" else REAL_PIXELS
    clip = max(real, pixels) if found.options.upscale == "reference" else pixels
    made: dict[str, Any] = {
        "films": total.films * of.made * pixels * PER_PIXEL, "clips": total.films * kept * clip * PER_PIXEL,
        "latents kept": {"best": total.prompts, "finals": total.films, "none": 0}[found.job.latents] * of.latents * 2,
        "latents written meanwhile": total.moves * of.state,
        "conditioning": views * found.lost * pixels * LOSSLESS if found.options.track == "v2v" else 0,
        "cache of real clips": views * kept * real * REAL,
    }  # fmt: skip
    return {name: float(size) for name, size in made.items()}
