"""Scores of the candidates and of their corruptions by one verifier, its twin with random weights, and their cost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from raysearch import rewards, videos
from raysearch.errors import UsageError
from raysearch.evals.calibrate.clips import Candidate, Candidates
from raysearch.evals.calibrate.corruptions import corrupted
from raysearch.evals.files import reduced
from raysearch.prompts import Prompt

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Pair:
    """A clip and one corruption of it, as a verifier scores them. prompt: position of the prompt."""

    prompt: int
    corruption: str
    clean: float
    corrupted: float


@dataclass(frozen=True)
class Verifier:
    """What one verifier says.

    Attributes:
        label: Its name.
        role: `verifier`, or `control` for the amount of motion and for twins with random weights.
        scores: Of each prompt, (N,), NaN where it could not score.
        seconds: Of one score, the median; NaN where the scores are those of a run.
        pairs: Clips and their corruptions; empty where no films were at hand.
        spec: What a job writes for it; empty for a twin.
        errors: Why candidates have no score, each reason once.
    """

    label: str
    role: str
    scores: Sequence[np.ndarray]
    seconds: float = math.nan
    pairs: Sequence[Pair] = ()
    spec: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[str] = ()


def recorded(label: str, role: str, groups: Sequence[Candidates], spec: Mapping[str, Any], name: str = "") -> Verifier:
    """A verifier by what a run recorded under its label, or under another name."""
    return Verifier(label, role, [g.recorded(name or label) for g in groups], spec=spec)


def scored(
    spec: Mapping[str, Any], role: str, groups: Sequence[Candidates], corrupt: Sequence[tuple[int, Candidate]],
    progress: Progress, twin: bool = False, known: Sequence[np.ndarray] | None = None,
) -> Verifier | None:  # fmt: skip
    """Load a verifier and score everything.

    Args:
        spec: What a job writes for it, checked.
        role: See Verifier.
        groups: The candidates.
        corrupt: Positions of prompts, and candidates whose corruptions are scored.
        progress: Is told what is being done.
        twin: Give its networks random weights first; None is returned where it has none that are small enough.
        known: Scores that a run has recorded, so that only corruptions are scored.
    """
    from raysearch import devices  # which loads torch
    from raysearch.rewards.networks.untrained import randomised

    label = rewards.label(spec) + (" random" if twin else "")
    progress(f"loading {label}")
    reward = rewards.load(spec, devices.best())
    if twin and not randomised(reward):
        return None
    took: list[float] = []
    errors: list[str] = []

    def score(frames: np.ndarray, prompt: Prompt, fps: float | None) -> float:
        began = time.perf_counter()
        try:
            value = reward.score(frames, prompt, fps).value
        except UsageError as error:
            errors.append(str(error))
            return math.nan
        took.append(time.perf_counter() - began)
        return value

    scores = list(known or ())
    if known is None:
        for k, group in enumerate(groups):
            progress(f"{label}: prompt {k + 1} of {len(groups)}")
            clips = (videos.read(_film(c), each=reduced(reward)) for c in group.each)
            scores.append(np.array([score(clip.frames, group.prompt, clip.fps or None) for clip in clips]))
    pairs = []
    for n, (k, candidate) in enumerate(corrupt):
        progress(f"{label}: corruptions of clip {n + 1} of {len(corrupt)}")
        clip, shrink = videos.read(_film(candidate)), reduced(reward)
        prompt, fps = groups[k].prompt, clip.fps or None
        views = {name: _each(v, shrink) for name, v in {"": clip.frames, **corrupted(clip.frames)}.items()}
        clean = score(views.pop(""), prompt, fps)
        pairs += [Pair(k, name, clean, score(view, prompt, fps)) for name, view in views.items()]
    seconds = float(np.median(took)) if took else math.nan
    return Verifier(label, role, scores, seconds, pairs, {} if twin else spec, tuple(dict.fromkeys(errors)))


def few(groups: Sequence[Candidates], most: int) -> list[tuple[int, Candidate]]:
    """At most so many clips, the first of every prompt, then the second, so that prompts are as many as possible."""
    deepest = max(len(g.each) for g in groups)
    turns = [(k, g.each[i]) for i in range(deepest) for k, g in enumerate(groups) if i < len(g.each)]
    return turns[:most]


def _each(frames: np.ndarray, shrink: Callable[[np.ndarray], np.ndarray] | None) -> np.ndarray:
    return frames if shrink is None else np.stack([shrink(frame) for frame in frames])


def _film(candidate: Candidate) -> str:
    assert candidate.path is not None
    return candidate.path
