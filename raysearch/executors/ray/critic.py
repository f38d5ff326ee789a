"""A reward replica as a guide asks it for gradients, from within a call of a generator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayError

from raysearch.executors.policy import DEPTH
from raysearch.executors.ray.calls import Call
from raysearch.executors.ray.failures import CriticLost, Kind, classify, reason
from raysearch.executors.ray.pool import Pool
from raysearch.executors.ray.replica import Replica


@dataclass(frozen=True)
class RemoteCritic:
    """Value and gradient of the first reward at a view, computed by another process.

    Attributes:
        actor: handle of a RewardActor.
        timeout: seconds after which an answer counts as lost.
    """

    actor: Any  # a handle of Ray, whose methods are made at run time
    timeout: float

    def __call__(self, view: np.ndarray, through_context: bool = True) -> tuple[float, np.ndarray]:
        """Ask the replica.

        Args:
            view: fp32 [T, 3, H, W] in [0, 1].
            through_context: whether the gradient flows through the frames from which the reward predicts.

        Returns:
            The reward and its gradient, in the shape of the view.

        Raises:
            CriticLost: the replica died or did not answer in time.
            RayTaskError: the reward itself failed.
        """
        try:
            value, gradient = ray.get(self.actor.gradient.remote(view, through_context), timeout=self.timeout)
        except RayError as error:
            if classify(error) in (Kind.CALL_FAILED, Kind.DEVICE_BROKEN, Kind.ARGUMENT_LOST):
                raise
            raise CriticLost(f"the reward replica that the guide asked: {reason(error)}") from None
        return value, gradient


def choose(rewards: Pool[Call], in_flight: Iterable[Call], patience: float) -> tuple[Replica[Call], RemoteCritic]:
    """The reward replica for a guide: of those that are ready, the one with the fewest guides, then calls.

    Args:
        rewards: the pool, with at least one replica that is ready.
        in_flight: all calls under way, whose critics count.
        patience: longest time in seconds that the guide may wait; the replica has the time of DEPTH scores as well.
    """
    guides = Counter(id(call.critic) for call in in_flight)
    critic = min(rewards.lanes, key=lambda replica: (guides[id(replica)], len(replica.calls)))
    timeout = min(rewards.durations.deadline(float(DEPTH)), patience)
    assert critic.actors is not None
    return critic, RemoteCritic(critic.actors.leader, timeout)
