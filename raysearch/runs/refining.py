"""Rounds of refinement (`prompts.refine`): search, have the best video criticised, search with a new wording too.

A round is the job's own search with one wording more, so the journal answers for all earlier rounds. What was asked and
answered is recorded below the run folder by the key of the video, before it is used: nobody is asked twice. The best
video of all rounds wins.
"""

from __future__ import annotations

import base64
import io
import json
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from raysearch import storage, videos
from raysearch.engine.journal import Journal
from raysearch.engine.replay import replay
from raysearch.engine.task import Finished
from raysearch.moves import Outcome, digest
from raysearch.runs.films import path
from raysearch.runs.resolve import Resolved
from raysearch.writers import refining
from raysearch.writers.record import FOLDER
from raysearch.writers.refining import Refining
from raysearch.writers.templates import wording as cleaned

NEAR = 2  # frames before and after a break that the model is shown beside those spread over the video
WHERE = (("upper", "middle", "lower"), ("left", "centre", "right"))


class Reviewer(Protocol):
    """Looks at frames and answers. together: how many questions it may be given at a time."""

    together: int

    def ask(self, question: str, frames_THWC: np.ndarray, fps: float, seed: int) -> str:
        """The whole answer. Raises UsageError if there is none."""
        ...


def recorded(resolved: Resolved, journal: Journal, folder: str) -> tuple[Resolved, int]:
    """The job with every wording that is recorded, and how many rounds are over; all where no more is to come.

    Args:
        resolved: the job.
        journal: of the run.
        folder: of the run.
    """
    how, turn = resolved.refining, 0
    while how is not None and turn < how.rounds:
        ended = [replay(task, journal) for task in resolved.tasks()]
        if any(end is None for end in ended):
            return resolved, turn
        more = _with(resolved, [end for end in ended if end is not None], folder, turn)
        if more is None:
            return resolved, turn
        if more is resolved:
            return resolved, how.rounds
        resolved, turn = more, turn + 1
    return resolved, turn


def refined(resolved: Resolved, ended: Sequence[Finished], folder: str, turn: int) -> Resolved | None:
    """The job with the wordings of the next round, asked for where they are not recorded; None if there is none.

    Args:
        resolved: the job with the wordings of all rounds so far.
        ended: how its searches ended, in the order of the prompts.
        folder: of the run.
        turn: rounds that are over.

    Raises:
        UsageError: as the model does; what was answered until then stays recorded.
    """
    how = resolved.refining
    if how is None or turn >= how.rounds:
        return None
    due = [end for end in ended if end.result is not None and _wording(how, end, folder, turn) is None]
    if due:
        reviewer = _reviewer(how)
        with ThreadPoolExecutor(reviewer.together) as pool:
            for future in [pool.submit(_ask, how, reviewer, end, folder, turn) for end in due]:
                future.result()
        print(f"round {turn + 1} of {how.rounds}: {len(due)} videos looked at by {how.source}", flush=True)
    more = _with(resolved, ended, folder, turn)
    return None if more is resolved else more


def _with(resolved: Resolved, ended: Sequence[Finished], folder: str, turn: int) -> Resolved | None:
    """The job with the recorded wordings of a round, itself if they bring none, None while some are missing."""
    how, prompts, new = resolved.refining, list(resolved.prompts), False
    assert how is not None
    for k, end in enumerate(ended):
        text = _wording(how, end, folder, turn) if end.result is not None else ""
        if text is None:
            return None
        if text and text not in (prompts[k].text, *prompts[k].variants):
            prompts[k], new = replace(prompts[k], variants=(*prompts[k].variants, text)), True
    return replace(resolved, prompts=tuple(prompts), worded=True) if new else resolved


def _wording(how: Refining, end: Finished, folder: str, turn: int) -> str | None:
    """The wording that is recorded for a video and a round, empty if it brought none; None if it is not answered."""
    said = [_read(how, end, folder, t, "critique") for t in range(turn + 1)]
    if any(answer is not None and refining.nothing(answer) for answer in said):
        return ""
    if said[turn] is None:
        return None
    answer = _read(how, end, folder, turn, "wording")
    return None if answer is None else cleaned(answer)


def _ask(how: Refining, reviewer: Reviewer, end: Finished, folder: str, turn: int) -> None:
    """Ask what is wrong with the best video, then for a wording; what is recorded is not asked again."""
    assert end.result is not None
    prompt, winner, text = end.task.prompt, end.result.winner, _worded(end)
    clip = videos.read(storage.read(f"{folder}/{path(end.task, winner.key)}"))
    fps = float(clip.fps or 8)
    picks = shown(how.frames, len(clip.frames), winner)
    times = f"at {', '.join(f'{k / fps:.2f}' for k in picks)} seconds"
    frames, seed = clip.frames[picks], how.seed + turn
    said = _read(how, end, folder, turn, "critique")
    if said is None:
        question = refining.critique(prompt.text, times, place(winner, fps))
        said = reviewer.ask(question, frames, fps, seed)
        _write(how, end, folder, turn, "critique", question, said)
    if not refining.nothing(said) and _read(how, end, folder, turn, "wording") is None:
        question = refining.rewording(text, said.strip())
        _write(how, end, folder, turn, "wording", question, reviewer.ask(question, frames, fps, seed))


def shown(most: int, total: int, winner: Outcome) -> list[int]:
    """Which frames the model is shown: spread evenly, and where a video breaks those around the break."""
    first, near = winner.detail("break"), list[int]()
    if math.isfinite(first) and first < total:
        near = [k for k in range(int(first) - NEAR, int(first) + NEAR + 1) if 0 <= k < total][: max(most // 2, 1)]
    spread = np.linspace(0, total - 1, max(min(most, total) - len(near), 1)).round().astype(int).tolist()
    return sorted({*near, *spread})


def place(winner: Outcome, fps: float) -> str:
    """Where and when a world model is surprised by a video, in words; empty where no reward tells."""
    first, frames = winner.detail("break"), winner.detail("frames")
    row, column = winner.detail("row"), winner.detail("column")
    if not all(map(math.isfinite, (first, frames, row, column))):
        return ""
    there = " ".join(names[min(int(3 * at), 2)] for names, at in zip(WHERE, (row, column), strict=True))
    if first >= frames:
        return f"A world model finds no moment that is clearly impossible; what surprises it most is at the {there}."
    return f"A world model is most surprised at {first / fps:.2f} seconds, at the {there} of the picture."


class _Remote:
    """An OpenAI-compatible endpoint that takes pictures."""

    together = 8

    def __init__(self, how: Refining):
        from raysearch.writers.endpoint import Endpoint

        self._endpoint, self._size = Endpoint(how), how.size

    def ask(self, question: str, frames_THWC: np.ndarray, fps: float, seed: int) -> str:
        """The frames as pictures, then the question."""
        content: list[dict[str, Any]] = [
            {"type": "image_url", "image_url": {"url": picture(frame, self._size)}} for frame in frames_THWC
        ]
        return self._endpoint.write([{"role": "user", "content": [*content, {"type": "text", "text": question}]}], seed)


class _Local:
    """A model of transformers in this process, of the families that the reward `vlm` knows."""

    together = 1

    def __init__(self, how: Refining):
        from raysearch import devices
        from raysearch.rewards.vlm.reward import VLMReward

        device = devices.best()
        devices.reproducible(device)
        self._how = how
        self._model = VLMReward.load(
            how.source, device, how.dtype, how.revision, frames=how.frames + 2 * NEAR + 1, size=how.size
        )

    def ask(self, question: str, frames_THWC: np.ndarray, fps: float, seed: int) -> str:
        """The frames as a video, then the question."""
        how = self._how
        return self._model.say(frames_THWC, question, seed, how.max_tokens, how.temperature, fps)


def _reviewer(how: Refining) -> Reviewer:
    return _Remote(how) if how.remote else _Local(how)


def picture(frame_HWC: np.ndarray, size: int) -> str:
    """A frame as a data URI, PNG, reduced where its longer side is above `size`."""
    from PIL import Image

    image, buffer = Image.fromarray(frame_HWC), io.BytesIO()
    image.thumbnail((size, size))
    image.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _worded(end: Finished) -> str:
    """The wording with which the best video was made."""
    assert end.result is not None
    k = end.result.notes["wordings"]["of"][end.result.best]
    return str(end.task.prompt.wordings[k] or end.task.prompt.text)


def _name(how: Refining, end: Finished, folder: str, turn: int, part: str) -> str:
    assert end.result is not None
    asked = digest([how.about, end.task.prompt.fingerprint(), end.result.winner.key, how.seed + turn, part])
    return f"{how.answers or f'{folder}/{FOLDER}'}/{part}-{asked}.json"


def _read(how: Refining, end: Finished, folder: str, turn: int, part: str) -> str | None:
    try:
        answer = json.loads(storage.read(_name(how, end, folder, turn, part)))["answer"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return answer if isinstance(answer, str) else None


def _write(how: Refining, end: Finished, folder: str, turn: int, part: str, question: str, answer: str) -> None:
    assert end.result is not None
    about = {
        "prompt": end.task.prompt.id, "video": end.result.winner.key, "round": turn + 1, "writer": how.about,
        "question": question, "seed": how.seed + turn, "answer": answer,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip
    storage.write(_name(how, end, folder, turn, part), json.dumps(about, indent=1) + "\n")
