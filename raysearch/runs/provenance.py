"""What made a film, as JSON beside it: prompt, every Move from fresh noise on with its seed, models, search, versions.

With the model at hand this is enough to make the film again, bit for bit. It holds no time and no machine, so that the
same run writes the same bytes.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from typing import Any

from raysearch import __version__, videos
from raysearch.engine.task import Finished, Task
from raysearch.moves import Move, Round, encode


class Lineages:
    """Remembers the Moves of searches at work, by the key of the state each makes."""

    def __init__(self) -> None:
        self._moves: dict[str, dict[str, Move]] = {}

    def note(self, task: Task, round: Round) -> None:
        self._moves.setdefault(task.name, {}).update({m.key(task.scope): m for m in round.moves})

    def of(self, task: Task, key: str) -> list[dict[str, Any]]:
        """The Moves that led to a state, from the first on."""
        known, path, at = self._moves.get(task.name, {}), list[dict[str, Any]](), key
        while at in known:
            path.append({"key": at, **asdict(known[at])})
            at = known[at].parent or ""
        return path[::-1]

    def drop(self, task: Task) -> None:
        self._moves.pop(task.name, None)


def sidecar(finished: Finished, key: str, mp4: bytes, lineages: Lineages, about: Mapping[str, Any]) -> bytes:
    """The JSON file beside the film of a final. about: what holds for all films of the run."""
    task, result = finished.task, finished.result
    outcome = next((o for o in result.finals if o.key == key), None) if result else None
    told = {
        "key": key,
        "prompt": asdict(task.prompt),
        "moves": lineages.of(task, key),
        "reward": outcome and outcome.reward,
        "measured": outcome and dict(sorted(outcome.rewards.items())),  # recalled ones come sorted
        "video": videos.facts(mp4),
        **about,
    }
    return (json.dumps(encode(told), indent=1, allow_nan=False) + "\n").encode()


def versions() -> dict[str, str]:
    names = ("torch", "ray", "diffusers", "transformers", "numpy")
    own = {"raysearch": __version__, "python": platform.python_version()}
    return own | {n: metadata.version(n) for n in names}
