"""Failures on Ray told apart: who is to blame for an error, and what has to be done again.

Ray reports a dead process, a lost object and the exception of a remote function by some forty classes, which overlap.
`classify` reduces them to the kinds that the executor treats differently; it looks at the error alone.
"""

from __future__ import annotations

import re
from enum import Enum

from ray.exceptions import (
    ActorPlacementGroupRemoved,
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    RayTaskError,
)

MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")


class CriticLost(Exception):
    """The reward replica that a guide asked died or did not answer in time: not the fault of the Move."""


class Kind(Enum):
    """What an error means to the executor."""

    DIED = "the process of the replica died"
    REMOVED = "the replica was removed on purpose: its node is preempted or its placement group was dissolved"
    OUT_OF_MEMORY = "the memory monitor of the node killed the replica"
    RESULT_LOST = "the call finished, but its result was lost with a node"
    ARGUMENT_LOST = "an object that the call was to read was lost with a node"
    CRITIC_LOST = "the reward replica that a guide asked gave no answer"
    DEVICE_BROKEN = "the call failed with a CUDA error, after which its process is unusable"
    CALL_FAILED = "the remote function raised an exception"
    OTHER = "any other error of Ray: the replica cannot be relied on"


def classify(error: BaseException) -> Kind:
    """The kind of an error that `ray.get` raised.

    Args:
        error: the error; anything that is not known counts as `Kind.OTHER`.
    """
    if isinstance(error, RayTaskError):  # first: it is also an instance of the exception that it wraps
        return _of_task(error)
    if isinstance(error, ActorPlacementGroupRemoved):
        return Kind.REMOVED
    if isinstance(error, RayActorError):
        removed = getattr(error, "preempted", False) or "placement group was removed" in str(error)
        return Kind.REMOVED if removed else Kind.DIED
    if isinstance(error, ObjectLostError):
        return Kind.RESULT_LOST
    if isinstance(error, OutOfMemoryError):
        return Kind.OUT_OF_MEMORY
    return Kind.OTHER


def _of_task(error: RayTaskError) -> Kind:
    if isinstance(error.cause, ObjectLostError):
        return Kind.ARGUMENT_LOST
    if isinstance(error.cause, CriticLost):
        return Kind.CRITIC_LOST
    return Kind.DEVICE_BROKEN if "CUDA error" in str(error) else Kind.CALL_FAILED


def lost_object(error: BaseException) -> str:
    """The id of the object that a call was to read and that is lost, in hexadecimal; empty for any other error."""
    return str(getattr(getattr(error, "cause", None), "object_ref_hex", None) or "")


def reason(error: BaseException) -> str:
    """The last line of an error that says something: the original exception rather than Ray's wrapping of it."""
    cause = getattr(error, "cause", None) or error
    lines = [line for line in str(cause).strip().splitlines() if line.strip()]
    text = lines[-1].strip() if lines else type(cause).__name__
    return text if type(cause).__name__ in text else f"{type(cause).__name__}: {text}"


def missing(error: BaseException) -> str | None:
    """The module without which an actor could not begin, since the Python of its node lacks it; None otherwise."""
    found = MISSING.search(str(error))
    return found[1] if found else None
