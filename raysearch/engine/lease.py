"""One driver per run folder: a lease, which its holder renews and which a dead holder loses.

`lease.json` names the process, its machine and when it began. The holder renews it every BEAT_S. Whoever comes second
is refused as soon as the holder is seen to live: by its process on the same machine, elsewhere by a renewal. A holder
that is gone from the same machine has lost the lease at once, one elsewhere after LOST_S without a renewal, whatever
the clocks say. Only reads and whole writes are needed, so it works at any fsspec URL.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
import zlib
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from raysearch import storage
from raysearch.errors import UsageError

NAME = "lease.json"
BEAT_S = 10.0  # between two renewals
LOST_S = 60.0  # without a renewal for this long, a holder on another machine counts as dead
OLD_S = 3600.0  # as old as this by the clocks of both machines, it is not waited for
SETTLE_S = 0.2  # until a lease that was taken over is read again: the last of two that do so wins


class Lease:
    """Context manager that holds the lease of a folder.

    Args:
        url: the folder, a path or URL.

    Raises:
        UsageError: on entering, if another driver holds it, or if the folder cannot be written.
    """

    def __init__(self, url: str):
        self._url, self._path = url, f"{url}/{NAME}"
        self._mine: dict[str, Any] = {
            "token": secrets.token_hex(8), "host": socket.gethostname(), "pid": os.getpid(),
            "began": _began(os.getpid()), "machine": _machine(), "since": _now(), "beat": 0, "at": time.time(),
        }  # fmt: skip
        self._lost, self._ended = "", threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True, name="raysearch-lease")

    def __enter__(self) -> Lease:
        self._new = not storage.exists(self._url)
        while not storage.create(self._path, self._bytes()):
            if self._take_over():
                break
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(UsageError):  # a folder that cannot be written any more: the lease runs out
            if self._read().get("token") == self._mine["token"]:
                storage.remove(self._path)
        if self._new and storage.is_local(storage.locate(self._url)[0]):
            with contextlib.suppress(OSError):
                os.rmdir(storage.locate(self._url)[1])  # if nothing was written into it

    def check(self) -> None:
        """Raise UsageError if the lease was lost, so that another driver may work in the folder."""
        if self._lost:
            raise UsageError(f"{self._url}: {self._lost}; this driver stops, what it has recorded is kept")

    def _take_over(self) -> bool:
        """Take the lease of a holder that is dead; False if it has vanished meanwhile."""
        found = self._read()
        if found and not _dead(found):
            if _here(found) or self._renewed(found):
                raise UsageError(
                    f"{self._url}: {_who(found)} works in this folder since {found['since']}; wait for it to end, or "
                    "choose another run="
                )
            if not self._read():
                return False
        storage.write(self._path, self._bytes())
        time.sleep(SETTLE_S)
        now = self._read()
        if now.get("token") != self._mine["token"]:
            raise UsageError(f"{self._url}: {_who(now)} has begun to work in this folder; choose another run=")
        return True

    def _renewed(self, found: dict[str, Any]) -> bool:
        """Whether a holder on another machine renews its lease; waits for it up to LOST_S."""
        if time.time() - found["at"] > OLD_S:
            return False
        print(
            f"raysearch: {_who(found)} holds {self._url} since {found['since']}; waiting up to {LOST_S:.0f} s for a "
            "sign of life", flush=True,
        )  # fmt: skip
        deadline = time.monotonic() + LOST_S
        while time.monotonic() < deadline:
            time.sleep(min(1.0, LOST_S / 10))
            now = self._read()
            if not now:
                return False
            if (now["token"], now["beat"]) != (found["token"], found["beat"]):
                return True
        return False

    def _renew(self) -> None:
        """Renew the lease until the end. What cannot be read or written is tried again: networks fail for a while."""
        while not self._ended.wait(BEAT_S):
            with contextlib.suppress(UsageError, OSError):
                now = self._read()
                if now.get("token") != self._mine["token"]:
                    self._lost = f"{_who(now)} has taken this folder over" if now else f"its {NAME} was removed"
                    return
                self._mine |= {"beat": self._mine["beat"] + 1, "at": time.time()}
                storage.write(self._path, self._bytes())

    def _bytes(self) -> bytes:
        return sealed(self._mine)

    def _read(self) -> dict[str, Any]:
        """The lease as it stands there; empty if there is none, or none that raysearch can have written."""
        try:
            found = json.loads(storage.read(self._path))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError) as error:
            if isinstance(error, UsageError):
                raise
            return {}
        whole = isinstance(found, dict) and self._mine.keys() <= found.keys() and json.loads(sealed(found)) == found
        return found if whole and all(type(found[k]) is type(v) for k, v in self._mine.items()) else {}


def holder(url: str) -> tuple[str, bool]:
    """Who holds a folder, in words, and whether that process lives; one elsewhere lives while it renews its lease."""
    found = Lease(url)._read()
    if not found:
        return "", False
    return _who(found), not _dead(found) if _here(found) else time.time() - found["at"] < LOST_S


def sealed(fields: dict[str, Any]) -> bytes:
    """A lease as it stands on disk, with a checksum: one that is damaged must not be waited for."""
    plain = {k: v for k, v in fields.items() if k != "crc"}
    return json.dumps(plain | {"crc": zlib.crc32(json.dumps(plain, sort_keys=True).encode())}).encode()


def _who(lease: dict[str, Any]) -> str:
    return f"process {lease['pid']} on {lease['host']}" if lease else "another process"


def _here(lease: dict[str, Any]) -> bool:
    """Whether the holder is a process that this one can look at."""
    return bool(lease["machine"] == _machine() and lease["began"])


def _dead(lease: dict[str, Any]) -> bool:
    return _here(lease) and _began(lease["pid"]) != lease["began"]


def _began(pid: int) -> str:
    """When a process of this machine began, as a text that no later one of its number has; empty if there is none."""
    with contextlib.suppress(OSError, IndexError):
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else fields[18]
    return ""


def _machine() -> str:
    """This machine since it was started, the container and the user on it, where Linux tells; empty elsewhere."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')} {os.getuid()}"
    return ""


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
