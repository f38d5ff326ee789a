"""What replicas did and when: loading, a Move, a score, a film. For the time line of the report; nothing depends on it.

Times are those of the driver's clock when the answer came, less the seconds that the replica has counted itself.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

KEPT = 100_000  # spans that wait to be taken; older ones are lost where nobody asks
What = Literal["load", "conditions", "move", "score", "film", "save", "encode"]


@dataclass(frozen=True)
class Span:
    """Something that a replica did.

    Attributes:
        pool: `generators` or `rewards`.
        slot: the place of the replica in its pool.
        what: loading its model, a Move, a score, or a film; of replicas on Ray also computing the conditions of a
            prompt, and what runs beside these: writing a state (`save`) and encoding a film (`encode`), which `film`
            otherwise includes.
        began: in seconds since the epoch.
        seconds: how long it took.
        decode_s: of a Move, the seconds at its end in which the preview was decoded and reduced.
    """

    pool: str
    slot: int
    what: What
    began: float
    seconds: float
    decode_s: float = 0.0


class Trace:
    """The spans that nobody has taken yet."""

    def __init__(self) -> None:
        self._spans: deque[Span] = deque(maxlen=KEPT)

    def add(self, pool: str, slot: int, what: What, seconds: float, decode_s: float = 0.0) -> None:
        """Something has just ended that took these seconds."""
        self._spans.append(Span(pool, slot, what, time.time() - seconds, seconds, decode_s))

    def take(self) -> list[Span]:
        """The spans since they were last taken."""
        taken = list(self._spans)
        self._spans.clear()
        return taken


@runtime_checkable
class Traced(Protocol):
    """What an executor may offer beyond the contract: to tell what its replicas did."""

    def spans(self) -> list[Span]:
        """The spans since this was last asked."""
        ...
