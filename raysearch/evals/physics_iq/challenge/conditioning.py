"""What a generation starts from: the switch frame, or the end of the conditioning clip at the generator's own size.

A clip of the data set is 4K and takes seconds to decode. It is read once, its last frames are scaled as the generator
would scale them, and kept without loss in the run folder, whose searches then read it in a moment. What only counts
frames asks the header of the file; a dry run writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from raysearch import storage, videos
from raysearch.config.settings import GeneratorConfig, Job
from raysearch.errors import UsageError
from raysearch.evals.physics_iq.challenge.settings import Settings
from raysearch.evals.physics_iq.clips import count
from raysearch.evals.physics_iq.layout import GIVEN_SECONDS, DataSet, View
from raysearch.generators import families, feasible, inputs, scale
from raysearch.prompts import Prompt, frames
from raysearch.tinyworld.heldout import GIVEN

AT_A_TIME = 4  # clips that are decoded side by side; each decoder is a process


def items(job: Job, settings: Settings, views: Sequence[View]) -> list[dict[str, str]]:
    """The prompts of views, as a job says them; clips that are not in the run folder yet are made."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(partial(item, job, settings), views))


def item(job: Job, settings: Settings, view: View) -> dict[str, str]:
    """The prompt of a view, as a job says it. Raises UsageError for a clip with fewer frames than are to be given."""
    prompt = {"id": f"{view.id:04d}", "text": view.prompt}
    if settings.track == "i2v":
        return prompt | {"image": str(view.switch)}
    return prompt | {"video": _kept(job, settings, view)}


def given(job: Job, settings: Settings, view: View) -> int:
    """Frames that a generation of this view starts from; reads a header at most."""
    if settings.track == "i2v":
        return 1
    if settings.condition_frames is not None:
        return settings.condition_frames
    assert job.generator.fps is not None
    if settings.data == "tiny":
        return GIVEN
    if view.conditioning is None:  # not here
        return count(GIVEN_SECONDS, int(job.generator.fps))
    return int(videos.facts(view.conditioning)["frames"])


def drop(job: Job, settings: Settings, view: View) -> int:
    """Frames at the start of a generated video that are conditioning, and no part of what is scored."""
    return feasible.used(job.generator, given(job, settings, view)) if settings.drop is None else settings.drop


def check(job: Job, settings: Settings, found: DataSet) -> list[str]:
    """Hold what the generator takes and makes against what the views give and need, before any video is made.

    Returns:
        Notes for the user.

    Raises:
        UsageError: for a pipeline that cannot be given this, and for videos that are too short, naming the num_frames
            that would do.
    """
    known = scale.described(job.generator)
    length = feasible.length(job.generator, usual=True)
    wanted = count(found.seconds, found.fps)
    starts = {given(job, settings, view): view for view in found.views}
    for start, view in starts.items():
        if known is not None:
            pipeline = inputs.with_same_weights(known.pipeline, start, known.index)
            inputs.check(families.of(pipeline), start, f"{view.id:04d}")
        lost = feasible.used(job.generator, start) if settings.drop is None else settings.drop
        if length is not None and length.made < lost + wanted:
            asked = "" if length.asked == length.made else f", of which {length.sizes.pipeline} makes {length.made}"
            raise UsageError(
                f"generator.num_frames={length.asked}{asked}: a view of {found.seconds:g} s at {found.fps} frames per "
                f"second needs {wanted}, after {lost} of conditioning; set "
                f"generator.num_frames={length.sizes.enough(lost + wanted)}"
            )
    return [f"generator.num_frames={length.asked}: {length.note}"] if length is not None and length.note else []


def _kept(job: Job, settings: Settings, view: View) -> str:
    """The clip that a view starts from: in the run folder, unless that of the data set is all of it, and small."""
    assert view.conditioning is not None and job.generator.fps is not None
    fps, size = job.generator.fps, _size(job.generator)
    about = videos.facts(view.conditioning)
    if settings.condition_frames is None and size in (None, (about["height"], about["width"])):
        return str(view.conditioning)
    wanted = settings.condition_frames or about["frames"]
    shape = "x".join(map(str, reversed(size))) if size else "whole"
    path = f"{job.run}/conditioning/{view.id:04d}-last-{wanted}-{shape}-{job.generator.fit}.mp4"
    if storage.exists(path):
        return path
    clip = frames(Prompt(f"{view.id:04d}", video=str(view.conditioning)), fps, partial(_fitted, job.generator))
    assert clip is not None
    if len(clip) < wanted:
        raise UsageError(
            f"challenge.condition_frames={settings.condition_frames}: {view.conditioning} has {len(clip)} frames"
        )
    storage.write(path, videos.exact(clip[-wanted:], fps))
    return path


def _fitted(generator: GeneratorConfig, frame_HWC: np.ndarray) -> np.ndarray:
    """A frame at the size of the videos, in their shape as `generator.fit` says."""
    from PIL import Image

    if (size := _size(generator)) is None:
        return frame_HWC
    (shaped,) = videos.fit(frame_HWC[None], *size, generator.fit)
    return np.asarray(Image.fromarray(shaped).resize(size[::-1], Image.Resampling.BICUBIC))


def _size(generator: GeneratorConfig) -> tuple[int, int] | None:
    """Height and width of the videos; None where the pipeline decides."""
    return (generator.height, generator.width) if generator.height and generator.width else None
