"""SIGTERM as an orderly stop: a scheduler that preempts a job is treated like a person who presses Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM. As a KeyboardInterrupt it passes `except Exception`, and ends runs in order."""


@contextmanager
def orderly() -> Iterator[None]:
    """Raise Terminated in the main thread when SIGTERM arrives within the block; a second one has no effect.

    Libraries may replace what a handler raises by a KeyboardInterrupt, as Ray does where it waits; that is told apart.
    Outside the main thread, where signals cannot be handled, the block runs as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal arrived
        arrived = True
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what has to be closed is closed first
        raise Terminated("SIGTERM")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        if arrived and not isinstance(error, Terminated):
            raise Terminated("SIGTERM") from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
