"""The candidates of a calibration: those of a finished run, or the videos of a folder, with their truth where known.

Candidates of one prompt are compared with one another. The prompts of one scene, such as the three cameras of
Physics-IQ, are not independent: a scene of the tiny world is one by its seed; else prompts of the same text are one
scene, unless a file of truths says otherwise.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.evals.calibrate.truths import Truths
from raysearch.prompts import VIDEO_SUFFIXES, Prompt
from raysearch.report.reading import Run, SearchRecord

TRUTH = "tinyworld_truth"
UNSAID = "a video"  # the text of a prompt whose text is not known


@dataclass(frozen=True)
class Candidate:
    """One video.

    Attributes:
        name: Its name for a reader.
        path: Its file; None where none was kept.
        measured: What a run recorded of it, by name.
        truth: How good it is, higher is better; NaN where not known.
    """

    name: str
    path: str | None
    measured: Mapping[str, float] = field(default_factory=dict)
    truth: float = math.nan


@dataclass(frozen=True)
class Candidates:
    """The candidates of one prompt, and its scene."""

    prompt: Prompt
    scene: str
    each: tuple[Candidate, ...]

    @property
    def truth(self) -> np.ndarray:
        """The truth of each, (N,)."""
        return np.array([c.truth for c in self.each])

    def recorded(self, name: str) -> np.ndarray:
        """What was recorded of each under a name, (N,), NaN where nothing was."""
        found = [c.measured.get(name) for c in self.each]
        return np.array([v if isinstance(v, (int, float)) else math.nan for v in found], dtype=float)


def of_run(run: Run, truths: Truths | None = None, measure: str = TRUTH) -> list[Candidates]:
    """The finals of a run, of prompts whose search did not fail.

    Args:
        run: The run.
        truths: Truths from a file; None for what was recorded.
        measure: Name of the recorded truth; a minus sign before it says that lower is better. Where nothing of that
            name was recorded there is no truth, but for one that was asked for.

    Raises:
        UsageError: No search ended with a result, or a truth that was asked for was not recorded.
    """
    found = [_of_search(run, entry, truths, measure) for entry in run.entries if entry.result is not None]
    if not found:
        raise UsageError(f"{run.folder}: no search of this run has a result, so there is nothing to calibrate on")
    if truths is None and measure != TRUTH and not any(np.isfinite(c.truth).any() for c in found):
        names = sorted({k for g in found for c in g.each for k in c.measured if "._" not in k and "surprise" not in k})
        raise UsageError(f"--truth {measure}: neither a file nor recorded in {run.folder}; there are: "
                         f"{', '.join(names)}")  # fmt: skip
    return found


def of_folder(folder: str, truths: Truths | None) -> list[Candidates]:
    """The videos of a folder: those of one subfolder are candidates of one prompt, unless the truths name prompts.

    Raises:
        UsageError: There is no video.
    """
    root = Path(folder)
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and not p.name.startswith("."))
    if not paths:
        raise UsageError(f"{folder}: no videos there (looked for {', '.join(VIDEO_SUFFIXES)}, in subfolders too)")
    groups: dict[str, list[Candidate]] = {}
    facts: dict[str, dict[str, str]] = {}
    for path in paths:
        inside = path.relative_to(root)
        row = truths.of(inside.as_posix(), path) if truths else None
        name = (row and row.prompt) or (inside.parent.as_posix() if len(inside.parts) > 1 else inside.stem)
        groups.setdefault(name, []).append(
            Candidate(inside.as_posix(), str(path), truth=row.score if row else math.nan)
        )
        if row:
            facts.setdefault(name, {"scene": row.scene, "text": row.text})
    if truths:
        truths.all_used()
    return [_of_videos(name, each, facts.get(name, {})) for name, each in groups.items()]


def _of_videos(name: str, each: Sequence[Candidate], facts: Mapping[str, str]) -> Candidates:
    prompt = Prompt(name.replace("/", "-"), facts.get("text") or UNSAID)
    return Candidates(prompt, facts.get("scene") or name, tuple(each))


def without_films(groups: Iterable[Candidates]) -> int:
    """How many candidates have no video file."""
    return sum(c.path is None or not Path(c.path).is_file() for g in groups for c in g.each)


def _of_search(run: Run, entry: SearchRecord, truths: Truths | None, measure: str) -> Candidates:
    assert entry.result is not None
    prompt, each = entry.prompt, []
    scene = f"{prompt.scene}-{prompt.scene_seed}" if prompt.scene else prompt.text or prompt.id
    name, sign = measure.removeprefix("-"), -1.0 if measure.startswith("-") else 1.0
    distinct = {o.key: o for o in entry.result.finals}  # a final population may hold one state twice
    stored = _challenge(run.folder / "scores" / f"{entry.name}.json") if truths is None and measure == TRUTH else {}
    for key, outcome in distinct.items():
        film = entry.films.get(key)
        path = str(run.folder / film) if film else None
        row = truths.of(film or key, Path(path) if path else None) if truths else None
        if row and row.scene:
            scene = row.scene
        value = row.score if row else stored.get(key, sign * _number(outcome.rewards.get(name)))
        each.append(Candidate(key[:12], path, {**outcome.rewards, "reward": outcome.reward}, value))
    return Candidates(prompt, scene, tuple(each))


def _challenge(path: Path) -> dict[str, float]:
    """Verified scores of Physics-IQ by candidate, in per cent, where a challenge has scored them; else empty."""
    from raysearch.evals.physics_iq.score import of_view, terms

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {key: 100 * of_view(terms(measures))["total"] for key, measures in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def scenes(groups: Sequence[Candidates]) -> list[str]:
    """The scene of every prompt."""
    return [g.scene for g in groups]
