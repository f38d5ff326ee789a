"""What a challenge is to do: the `challenge:` part of its job, checked, and the runs that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from raysearch import videos
from raysearch.config import schema
from raysearch.config.places import As
from raysearch.config.settings import Job, PartSpec
from raysearch.errors import UsageError
from raysearch.evals.physics_iq import export, layout, standin
from raysearch.evals.physics_iq.clips import count
from raysearch.evals.physics_iq.layout import DataSet, View
from raysearch.generators import feasible
from raysearch.generators.inputs import frame_count
from raysearch.prompts import Prompt, frames


@dataclass
class Settings:
    """The `challenge:` part of a job.

    Attributes:
        data: folder of the data set, or `tiny` for a stand-in.
        track: what a generation starts from, a frame (i2v) or a clip (v2v).
        descriptions: CSV of prompts and categories; null for those beside the data.
        prompts: op or bpp, which the descriptions hold.
        scenarios: the number of scenarios of the stand-in.
        strategies: further searches, beside `search` of the job.
        runs: repetitions with other seeds, 4 for the protocol.
        condition_frames: frames at the end of the conditioning clip (v2v) that are given; null for all.
        drop: frames at the start of a generated video that are conditioning; null for as many as were given.
        upscale: `reference` scales clips to the size of the real ones.
        enlarge: how, bicubic or nearest.
        cache: folder of what real clips need; null for one in the run folder.
        workers: views that are scored at a time, on Ray; 0 for this process.
        card: further fields of the submission card.
    """

    data: str = "tiny"
    track: Literal["i2v", "v2v"] = "v2v"
    descriptions: str | None = None
    prompts: Literal["op", "bpp"] = "op"
    scenarios: Annotated[int, Ge(1), Le(1000)] = 4
    strategies: Annotated[list[dict[str, Any]], As(list[PartSpec])] = field(default_factory=list)
    runs: Annotated[int, Ge(1), Le(4), "1, or up to 4 for the protocol of Physics-IQ Verified"] = 1
    condition_frames: Annotated[int, Ge(1), Le(100_000)] | None = None
    drop: Annotated[int, Ge(0), Le(100_000)] | None = None
    upscale: Literal["none", "reference"] = "none"
    enlarge: Literal["bicubic", "nearest"] = "bicubic"
    cache: str | None = None
    workers: Annotated[int, Ge(0), Le(10_000)] = 2
    card: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ChallengeRun:
    """One run of one strategy.

    Attributes:
        name: Name of the strategy.
        number: Number of the repetition, from 1.
        job: The job of the run.
    """

    name: str
    number: int
    job: Job


def read(job: Job) -> Settings:
    """Raises UsageError for an unknown key or value."""
    if not job.challenge:
        raise UsageError(
            "the job has no part `challenge:`; give one, e.g. challenge: {data: tiny}, see docs/challenge.md"
        )
    found = schema.build(Settings, schema.partial(job.challenge, Settings, "the job", "challenge."))
    if "://" in job.run:
        raise UsageError(f"run={job.run}: a challenge writes clips and tables; give a folder, which may be a mount")
    for spec in (job.search, *found.strategies):
        if not isinstance(spec, dict) or not isinstance(spec.get("name"), str):
            raise UsageError(f"challenge.strategies: {spec!r} has no name; write e.g. {{name: smc, n: 8}}")
    labels = [label(s) for s in (job.search, *found.strategies)]
    if doubles := sorted({n for n in labels if labels.count(n) > 1}):
        raise UsageError(f"challenge.strategies: two are called {doubles[0]!r}; give one another `label`")
    return found


def label(search: dict[str, Any]) -> str:
    """The name of a strategy in the tables: its `label`, or else its name."""
    return str(search.get("label", search["name"]))


def data(job: Job, settings: Settings) -> DataSet:
    """The data set at the frame rate of the generator. Raises UsageError if it lacks what the track conditions on."""
    assert job.generator.fps is not None
    if settings.data == "tiny":
        root = standin.write(Path(job.run) / "data", settings.scenarios, job.seed)
    else:
        root = Path(settings.data)
    found = layout.read(root, int(job.generator.fps), settings.descriptions)
    for view in found.views:
        if (view.switch if settings.track == "i2v" else view.conditioning) is None:
            what = "switch-frames" if settings.track == "i2v" else f"split-videos/conditioning/{found.fps}FPS"
            raise UsageError(f"{root / what}: has no file for {view.name}; the {settings.track} track starts from it")
    return found


def pick(found: DataSet, limit: int | None, scenario: str | None) -> DataSet:
    """Of the views those of scenarios whose name contains `scenario`, the first `limit` of them."""
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit}: at least 1 view")
    views = [v for v in found.views if scenario is None or scenario in v.scenario][:limit]
    if not views:
        names = dict.fromkeys(found.scenarios)
        raise UsageError(f"--scenario {scenario!r}: no view is left; scenarios are {', '.join(names)}")
    return replace(found, views=tuple(views))


def entries(job: Job, settings: Settings, views: Sequence[View]) -> list[ChallengeRun]:
    """Every run there is to be, repetitions of a strategy together."""
    items = [item(job, settings, v) for v in views]
    result = []
    for search in (job.search, *settings.strategies):
        name = label(search)
        spec = {k: v for k, v in search.items() if k != "label"}
        for k in range(settings.runs):
            prompts = replace(job.prompts, items=items, heldout=0)
            sub = replace(job, run=f"{job.run}/{name}/run_{k + 1:02d}", seed=job.seed + k, search=spec, films="all",
                          prompts=prompts, challenge={})  # fmt: skip
            result.append(ChallengeRun(name, k + 1, sub))
    return result


def item(job: Job, settings: Settings, view: View) -> dict[str, str]:
    """The prompt of a view, as a job says it."""
    prompt = {"id": f"{view.id:04d}", "text": view.prompt}
    if settings.track == "i2v":
        return prompt | {"image": str(view.switch)}
    if settings.condition_frames is None:
        return prompt | {"video": str(view.conditioning)}
    assert view.conditioning is not None and job.generator.fps is not None
    path = Path(job.run) / "conditioning" / f"{view.id:04d}-last-{settings.condition_frames}.mp4"
    if not path.is_file():
        fps = job.generator.fps
        clip = frames(Prompt(prompt["id"], video=str(view.conditioning)), fps)
        assert clip is not None
        if len(clip) < settings.condition_frames:
            raise UsageError(
                f"challenge.condition_frames={settings.condition_frames}: {view.conditioning} has {len(clip)} frames"
            )
        export.write(videos.encode(clip[-settings.condition_frames :], fps, 0, enlarge=False), path)
    return prompt | {"video": str(path)}


def drop(job: Job, settings: Settings, prompt: dict[str, str]) -> int:
    """Number of frames at the start of a generated video that are conditioning.

    Args:
        job: The job of the challenge.
        settings: Its settings.
        prompt: The prompt of a view, as `item` returns it.
    """
    if settings.drop is not None:
        return settings.drop
    return 1 if "image" in prompt else frame_count(Prompt(prompt["id"], video=prompt["video"]), job.generator.fps)


def check_length(job: Job, settings: Settings, found: DataSet) -> list[str]:
    """Hold the number of frames that the generator will make against what the views need, before any is made.

    Returns:
        Notes for the user.

    Raises:
        UsageError: for videos that are too short, naming the num_frames that would do.
    """
    length = feasible.length(job.generator, usual=True)
    if length is None:
        return []
    wanted = count(found.seconds, found.fps)
    for view in found.views:
        lost = _conditioning(job, settings, view)
        if length.made < lost + wanted:
            asked = "" if length.asked == length.made else f", of which {length.sizes.pipeline} makes {length.made}"
            raise UsageError(
                f"generator.num_frames={length.asked}{asked}: a view of {found.seconds:g} s at {found.fps} frames per "
                f"second needs {wanted}, after {lost} of conditioning; set "
                f"generator.num_frames={length.sizes.enough(lost + wanted)}"
            )
    return [f"generator.num_frames={length.asked}: {length.note}"] if length.note else []


def _conditioning(job: Job, settings: Settings, view: View) -> int:
    """Frames at the start of a generated video that are conditioning; nothing is decoded."""
    if settings.drop is not None:
        return settings.drop
    if settings.track == "i2v":
        return 1
    if settings.condition_frames is not None:
        return settings.condition_frames
    assert view.conditioning is not None
    return frame_count(Prompt(f"{view.id:04d}", video=str(view.conditioning)), job.generator.fps)
