"""Which nodes can be reached: what Ray itself notices only after a minute, because a cut link tells nobody.

A thread opens a connection to the raylet of every node each LOOK_S; a kernel accepts it however busy its node is. A
node that has answered before and does not for SILENT_S is silent: its replicas get no calls until it answers again or
Ray declares it dead. Nothing on it is given up before, for links come back and models take minutes to load.
"""

from __future__ import annotations

import errno
import select
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

LOOK_S = 0.5  # between two looks
ANSWER_S = 2.0  # for a connection: long enough for one lost packet
SILENT_S = 8.0  # without a connection: a shorter cut costs less than what would be done about it
UNDER_WAY = {0, errno.EINPROGRESS, errno.EWOULDBLOCK}

Address = tuple[str, int]


class Reach:
    """Watches the nodes that `watch` names, from a thread that ends with `close`.

    Attributes:
        silent: ids of the nodes that have answered once and do so no more.
    """

    def __init__(self) -> None:
        self.silent: frozenset[str] = frozenset()
        self._nodes: dict[str, Address] = {}
        self._heard: dict[str, float] = {}  # when a node last answered, of those that ever have
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True, name="raysearch-reach")

    def watch(self, nodes: Sequence[Mapping[str, Any]]) -> None:
        """Watch these nodes, as `ray.nodes()` lists them; those that are not alive are left out."""
        self._nodes = {n["NodeID"]: (n["NodeManagerAddress"], int(n["NodeManagerPort"])) for n in nodes if n["Alive"]}
        if self._thread.ident is None:
            self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()

    def look(self) -> None:
        """Ask every node once, all at the same time, and bring `silent` up to date."""
        nodes = dict(self._nodes)
        answering, now = connecting(nodes, ANSWER_S), time.monotonic()
        self._heard = {n: when for n, when in self._heard.items() if n in nodes} | dict.fromkeys(answering, now)
        self.silent = frozenset(n for n, when in self._heard.items() if now - when > SILENT_S)

    def _look_on(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.look()


def connecting(nodes: Mapping[str, Address], timeout: float) -> set[str]:
    """Those of the nodes that accept a connection within so many seconds."""
    answering, begun, poll = set[str](), dict[int, tuple[str, socket.socket]](), select.poll()
    try:
        for node, (host, port) in nodes.items():
            made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            made.setblocking(False)
            begun[made.fileno()] = node, made
            if made.connect_ex((host, port)) in UNDER_WAY:
                poll.register(made, select.POLLOUT)
        deadline, left = time.monotonic() + timeout, len(begun)
        while left and (pause := deadline - time.monotonic()) > 0:
            for number, _ in poll.poll(1000 * pause):
                node, made = begun[number]
                poll.unregister(number)
                left -= 1
                if made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    answering.add(node)
            if len(answering) == len(nodes):
                break
    finally:
        for _, made in begun.values():
            made.close()
    return answering
