"""Waiting for something to happen, without a clock that a busy machine misses."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 1200.0  # only ends a test that hangs; no test takes nearly as long on a machine however busy


def until(
    happened: Callable[[], T],
    meanwhile: Callable[[], object] = lambda: time.sleep(0.02),
    state: Callable[[], object] = lambda: "",
    possible: Callable[[], bool] = lambda: True,
) -> T:
    """The first true value of `happened()`.

    Args:
        happened: What is waited for.
        meanwhile: Called between two looks, e.g. to let an executor go on.
        state: What a failure reports, e.g. a log.
        possible: Fails at once where this is false, e.g. because the process that was to do it has ended.
    """
    end = time.monotonic() + PATIENCE_S
    while not (value := happened()):
        if not possible() or time.monotonic() >= end:
            raise AssertionError(f"it has not happened: {state()}")
        meanwhile()
    return value
