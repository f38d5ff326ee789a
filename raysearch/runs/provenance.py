"""What made a film, as a JSON file beside it: prompt, every Move with its seed, models, search, versions.

With the model at hand this is enough to make the film again, bit for bit. It holds no time and no name of a machine, so
that the same run writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from typing import Any

from raysearch import __version__, videos
from raysearch.engine.task import Finished, Task
from raysearch.moves import Move, Round, encode


class Lineages:
    """The Moves of the searches that are going on, by the key of the state each makes."""

    def __init__(self) -> None:
        self._moves: dict[str, dict[str, Move]] = {}

    def note(self, task: Task, round: Round) -> None:
        """Remember the Moves of a round."""
        self._moves.setdefault(task.name, {}).update({m.key(task.scope): m for m in round.moves})

    def of(self, task: Task, key: str) -> list[dict[str, Any]]:
        """The Moves that led to a state, the first one first, as plain values."""
        known, path, at = self._moves.get(task.name, {}), list[dict[str, Any]](), key
        while at in known:
            path.append({"key": at, **asdict(known[at])})
            at = known[at].parent or ""
        return path[::-1]

    def drop(self, task: Task) -> None:
        """Forget the Moves of a search."""
        self._moves.pop(task.name, None)


@dataclass(frozen=True)
class Digests:
    """Digests of a film, hexadecimal: SHA-256, and the MD5 that object stores give of their objects."""

    sha256: str
    md5: str

    @staticmethod
    def of(data: bytes) -> Digests:
        """Those of these bytes."""
        return Digests(hashlib.sha256(data).hexdigest(), hashlib.md5(data, usedforsecurity=False).hexdigest())


def sidecar(
    finished: Finished, key: str, mp4: bytes | None, digests: Digests, lineages: Lineages, about: Mapping[str, Any],
    facts: Mapping[str, Any] | None = None,
) -> bytes:  # fmt: skip
    """The content of the JSON file beside the film of a final.

    Args:
        finished: the search.
        key: handle of the final.
        mp4: the film; None if all that is said of it is given.
        digests: of the film.
        lineages: the Moves of the search.
        about: what holds for all films of the run.
        facts: what is known of the film already (see `videos.facts`); None reads them from `mp4`.
    """
    task, result = finished.task, finished.result
    outcome = next((o for o in result.finals if o.key == key), None) if result else None
    content = {
        "key": key,
        "prompt": asdict(task.prompt),
        "moves": lineages.of(task, key),
        "reward": outcome and outcome.reward,
        "measured": outcome and dict(sorted(outcome.rewards.items())),  # those of the journal are sorted
        "video": videos.facts(mp4) if facts is None and mp4 is not None else facts,
        "sha256": digests.sha256,
        "md5": digests.md5,
        **about,
    }
    return (json.dumps(encode(content), indent=1, allow_nan=False) + "\n").encode()


@cache
def versions() -> dict[str, str]:
    """Versions of raysearch, of Python, and of the libraries that decide the numbers."""
    names = ("torch", "ray", "diffusers", "transformers", "numpy")
    own = {"raysearch": __version__, "python": platform.python_version()}
    return own | {n: metadata.version(n) for n in names}
