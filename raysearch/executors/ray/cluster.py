"""Joining or starting Ray, and the nodes that are about to leave."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray

from raysearch.config.settings import ClusterConfig
from raysearch.errors import UsageError
from raysearch.executors.ray.watchdog import Watchdog

HEAD_S = 30.0  # how long the head may be away before it counts as lost; Ray aborts the driver after 60
OWN_HEAD_S = 5.0  # the same of a head that was started here: nobody restarts it
STARTS = 3  # attempts to start Ray; it gives its processes 30 s, which a busy machine may miss
LEAVE_S = 3.0  # for how long Ray may clean up after a lost head when the process ends; it would take minutes
CONNECT_S = 2.0  # how long the head may take to accept a connection


@dataclass(frozen=True)
class Connection:
    """How this process came to Ray.

    Attributes:
        owns: Ray was started or joined here, so that it is left again.
        watchdog: that of a Ray that was started here, whose processes end with this one.
    """

    owns: bool
    watchdog: Watchdog | None = None

    def leave(self) -> None:
        """Leave Ray if it was joined here, end it if it was started here."""
        if self.owns:
            ray.shutdown()
        if self.watchdog is not None:
            self.watchdog.end()

    def abandon(self) -> None:
        """Leave a Ray whose head is lost: nobody is left who could be told, and all questions to it would block."""
        if self.watchdog is not None:
            self.watchdog.end()
        if self.owns:
            _end_soon()


def connect(cluster: ClusterConfig) -> Connection:
    """Join or start Ray; `security.authenticate_driver` must come before this module is imported.

    Raises:
        UsageError: no cluster answers at the address, or Ray does not start.
    """
    if ray.is_initialized():
        return Connection(False)
    if cluster.address != "local":
        _init(cluster.address)
        return Connection(True)
    return _start(STARTS)


def _start(attempts: int) -> Connection:
    watchdog = Watchdog()
    try:
        with watchdog.marking():
            _init("local")
        return Connection(True, watchdog)
    except BaseException as error:
        watchdog.end()
        if attempts == 1 or "timed out during startup" not in str(error):
            raise
    print("raysearch: Ray did not start in time, this machine is busy; once more", file=sys.stderr, flush=True)
    return _start(attempts - 1)


def _init(address: str) -> None:
    try:
        with _own_handler():
            ray.init(
                address=address, include_dashboard=False if address == "local" else None, log_to_driver=False,
                logging_level=logging.ERROR, configure_logging=True,
            )  # fmt: skip
    except ConnectionError as error:
        raise UsageError(f"cluster.address={address!r}: no Ray cluster answers there ({error})") from None
    except Exception as error:  # raylets and ports, versions, paths, a machine too busy: of any class, bare ones too
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise UsageError(
            f"cluster.address={address!r}: Ray does not start or cannot be joined ({reason}); the logs are in "
            f"{os.environ.get('RAY_TMPDIR', '/tmp')}/ray/session_latest/logs; `ray stop` ends another Ray of yours on "
            "this machine"
        ) from None


def _end_soon() -> None:
    """When this process ends, let Ray wait for a lost head no longer than LEAVE_S; the exit code is then 2."""
    ending = threading.Event()

    def end() -> None:
        ending.wait()
        time.sleep(LEAVE_S)
        os._exit(2)

    threading.Thread(target=end, daemon=True, name="raysearch-leave").start()
    atexit.register(ending.set)  # runs before those that were registered earlier


@contextmanager
def _own_handler() -> Iterator[None]:
    """Keep the handler of SIGTERM, which `ray.init` replaces by one that ends the process."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


class Head:
    """Watches whether the head of the cluster answers.

    Ray's own answer to a head that died is to abort the driver after a minute, in the middle of whatever it does.
    A head that is restarted within HEAD_S is waited for.

    Args:
        own: the head was started by this process.
    """

    def __init__(self, own: bool = False) -> None:
        self._patience = OWN_HEAD_S if own else HEAD_S
        self._last_answer = time.monotonic()
        self.lost = False  # whether it was given up
        self._address: str = ray.get_runtime_context().gcs_address

    def answers(self) -> bool:
        """Whether it accepts a connection. Raises UsageError once it has not for longer than the patience."""
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
        except OSError:
            away = time.monotonic() - self._last_answer
            if away <= self._patience:
                return False
            self.lost = True
            raise UsageError(
                f"the head of the Ray cluster at {self._address} has not answered for {away:.0f} s: it died or cannot "
                "be reached; when the cluster is up again, give the same command again: what is finished is recorded"
            ) from None
        self._last_answer = time.monotonic()
        return True


def nodes() -> list[dict[str, Any]]:
    """All nodes that the cluster has or had, as Ray lists them."""
    listed: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call,unused-ignore]
    return listed


def leaving() -> set[str]:
    """Ids of the nodes that Ray drains because they are preempted or scaled down; empty where Ray does not tell."""
    try:
        from ray._private.state import state

        return set(state.get_draining_nodes())
    except (ImportError, AttributeError):
        return set()
