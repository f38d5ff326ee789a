"""Ends the processes of a Ray that raysearch started, once the driver is gone, however it went.

Ray ties its servers to the driver, but not what those have started: after a `kill -9` of the driver its agents stay for
a minute, and workers that compute, with the GPU memory they hold, until they look up. So a small process of its own
waits for the end of a pipe that only the driver holds, and then kills every process with a mark in its environment,
which all processes of this Ray inherit and no others, and what those have started. This file runs as a script with the
standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "RAYSEARCH_RAY"  # environment variable of all processes of one Ray
LOOK_S = 1.0  # between two looks at the processes of this machine
LOOKS = 3  # at the environment of each: between fork and exec it is that of the parent
END_S = 8.0  # for this long after the end of the driver, processes with the mark are looked for


class Watchdog:
    """The watching process, started with the object; it sees processes that are started within `marking`."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(8)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, self._mark],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        with self._process.stdout as ready:
            ready.read()  # it closes its end once no signal ends it any more

    @contextmanager
    def marking(self) -> Iterator[None]:
        """Within this block, processes that are started inherit the mark."""
        os.environ[MARK] = self._mark
        try:
            yield
        finally:
            del os.environ[MARK]

    def end(self) -> None:
        """Have all processes with the mark killed now, and wait for that."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2 * END_S)


class Family:
    """The processes with a mark and all that they have started, by number, each with when it began.

    A process may hide its mark (Ray's do, which write their title over it), and it loses its parent when that ends, so
    what belongs to the family is remembered from one look to the next.
    """

    def __init__(self, mark: str):
        self._wanted = f"{MARK}={mark}".encode()
        self._looked: dict[tuple[int, str], int] = {}  # how often at which process: at first it may not have begun yet
        self.members: dict[int, str] = {}

    def look(self) -> None:
        """Bring `members` up to date: those that run now."""
        running = dict(_running())
        self._looked = {(pid, began): self._looked.get((pid, began), 0) + 1 for pid, (began, _) in running.items()}
        self.members = {pid: began for pid, began in self.members.items() if (pid, began) in self._looked}
        for (pid, began), looks in self._looked.items():
            if looks <= LOOKS and self._is_marked(pid):
                self.members[pid] = began
        while children := [p for p, (_, parent) in running.items() if parent in self.members and p not in self.members]:
            self.members |= {pid: running[pid][0] for pid in children}

    def kill(self) -> None:
        """Kill all members."""
        for pid in self.members:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _is_marked(self, pid: int) -> bool:
        with contextlib.suppress(OSError):  # another user's, or gone meanwhile
            return self._wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return False


def _running() -> Iterator[tuple[int, tuple[str, int]]]:
    """The processes of this machine that are not zombies: number, when it began, number of the parent."""
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, IndexError):
            if entry.isdigit():
                state, parent, *fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if state not in "ZX":
                    yield int(entry), (fields[17], int(parent))


def main(mark: str) -> None:
    """Look on until the end of standard input, then kill until two looks have found nobody."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they may go to all processes of a job; the pipe alone decides
    os.close(1)
    family = Family(mark)
    while not select.select([sys.stdin], [], [], LOOK_S)[0] or os.read(0, 1):
        family.look()
    deadline, quiet = time.monotonic() + END_S, 0
    while quiet < 2 and time.monotonic() < deadline:
        family.look()
        family.kill()
        quiet = 0 if family.members else quiet + 1
        time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1])
