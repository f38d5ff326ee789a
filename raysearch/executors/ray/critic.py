"""A reward replica as a guide asks it from within a generator's call, and what follows when it does not answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from raysearch.executors.policy import DEPTH
from raysearch.executors.ray.pool import Pool, reason
from raysearch.executors.ray.replica import Replica
from raysearch.executors.ray.states import Call
from raysearch.moves import Move


class CriticLost(Exception):
    """The reward replica that a guide asked died or gave no answer in time: no fault of the Move."""


@dataclass(frozen=True)
class RemoteCritic:
    """Value and gradient of the first reward at a view, from another process."""

    actor: Any
    timeout: float

    def __call__(self, view: Any) -> Any:
        try:
            return ray.get(self.actor.gradient.remote(view), timeout=self.timeout)
        except RayTaskError:  # the reward itself
            raise
        except RayError as error:
            raise CriticLost(f"the reward replica that the guide asked: {reason(error)}") from None


def choose(rewards: Pool, flying: Iterable[Call], patience: float) -> tuple[Replica, RemoteCritic]:
    """The reward replica with the fewest guides and calls, of those that are ready.

    It has the time of DEPTH scores, and at most `patience`.
    """
    asked = Counter(id(call.critic) for call in flying)
    critic = min(rewards.lanes, key=lambda r: (asked[id(r)], len(r.calls)))
    return critic, RemoteCritic(critic.group.leader, min(rewards.usual.deadline(float(DEPTH)), patience))


def effort(move: Move, start: int) -> float:
    """The most network evaluations a Move from step `start` can be, or what takes as long; 1 is for the decode."""
    guide = move.guide
    each = 1.0 if guide is None else 1.0 + 5.0 * guide.inner * (guide.travel + 1)
    return 1.0 + max(0, move.to - start) * each
