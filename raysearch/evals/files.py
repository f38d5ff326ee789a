"""Scores of video files by any reward: the prompt it needs, the view it sees, and a row of numbers for each file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from raysearch import prompts, rewards, videos
from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards import Reward, Scores


def asked(options: Mapping[str, Any], text: str | None, clip: str | None) -> Prompt:
    """The prompt for a reward of files.

    Args:
        options: Spec of the reward.
        text: What the videos should show; None if not given.
        clip: The clip that they continue; None if not given.

    Returns:
        The prompt.

    Raises:
        UsageError: The reward needs a part of the prompt that is not given, or does not use one that is.
    """
    wanted, name = rewards.needs(options), options["name"]
    if "scene" in wanted:
        raise UsageError(f"{wanted['scene']} goes by a scene of the tiny world, which a file does not tell; in a job, "
                         "name it under watch")  # fmt: skip
    if "text" in wanted and not text:
        raise UsageError(f"{wanted['text']} asks about the text of the prompt; say what the videos should show: "
                         '--text "a ball falls"')  # fmt: skip
    if "clip" in wanted and not clip:
        raise UsageError(f"{wanted['clip']}: relative compares with the clip that the videos go on from; give it: "
                         "--clip FILE")  # fmt: skip
    for word, value in (("text", text), ("clip", clip)):
        if value and word not in wanted and not any(rewards.version(s["name"]) for s in rewards.flat([options])):
            raise UsageError(f"--{word}: {name} as it is set asks for none; leave it out")
    prompt = Prompt("score", text or "a video", video=clip)
    if (given := prompts.size(prompt)) and given[0] < 2:
        raise UsageError(f"--clip {clip}: has a single frame; give a clip that shows motion")
    return prompt


def judged(
    path: str, reward: Reward, options: Mapping[str, Any], prompt: Prompt, with_map: bool
) -> tuple[dict[str, Any], Any]:
    """A row of the table, and the surprise map if wanted. Raises UsageError for a file that cannot be scored."""
    clip = videos.read(path, each=reduced(reward))
    note = "variable frame rate" if clip.uneven else ""
    by_clock = (rewards.settings(spec).get("frames") for spec in rewards.flat([options]) if rewards.maps(spec))
    if note and any("fps" in frames for frames in by_clock if isinstance(frames, Mapping)):
        raise UsageError(f"{note}: reward.frames.fps needs an even one; re-encode the file, or use frames=all")
    found = None
    if with_map:
        scores, found = reward.score_with_map(clip.frames, clip.fps or None)
    else:
        scores = _score(clip.frames, clip.fps or None, reward, options, prompt)
    row = {"video": path, "frames": len(clip.frames), "fps": clip.fps, "reward": scores.value}
    row |= {k if k not in row else f"{options['name']}.{k}": v for k, v in scores.details.items()}
    note = "; ".join([*([note] if note else []), *clip.notes])
    return row | ({"note": note} if note else {}), found


def _score(frames: np.ndarray, fps: float | None, reward: Reward, options: Mapping[str, Any], prompt: Prompt) -> Scores:
    """The reward of one video; what a plug-in trips over is an error of that video."""
    try:
        return reward.score(frames, prompt, fps)
    except UsageError:
        raise
    except Exception as error:
        if not any(rewards.version(spec["name"]) for spec in rewards.flat([options])):
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UsageError(f"reward {options['name']} failed: {text}") from error


def reduced(reward: Reward) -> Callable[[np.ndarray], np.ndarray] | None:
    """What makes of a frame what the reward sees in a run; None for one that sees whole frames."""
    if (size := reward.size) is None or reward.whole_frames or reward.maps:
        return None
    from raysearch.sampling.workers import squashed

    return lambda frame: squashed(frame[None], size)[0]
