"""Asks a separate process to decode media files, so that a crash or a hang of a decoder is an error of that file.

One process is kept and used for one file after another. It is ended, and started anew for the next file, where it
crashes, exceeds the deadline, or is left in the middle of a file.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from raysearch.errors import UsageError

Source = str | os.PathLike[str] | bytes  # a path, or the bytes of a file
DEADLINE = 60.0  # seconds from one frame to the next
LARGEST = 16 * 2**30  # bytes of a file


class Worker:
    """A decoding process and its pipes."""

    def __init__(self) -> None:
        package = str(Path(__file__).parents[2])
        path = os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH")) if p)
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "raysearch.videos.decoder"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": path}, bufsize=0,
        )  # fmt: skip
        assert self.process.stdin is not None and self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout
        self.buffer = bytearray()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.answers, selectors.EVENT_READ)

    def send(self, data: bytes) -> None:
        """Write all of a request."""
        view = memoryview(data)
        while view:
            view = view[self.requests.write(view) :]

    def line(self, until: float) -> dict[str, Any]:
        """The next JSON line; TimeoutError at `until` (monotonic seconds), EOFError if the process ended."""
        while (end := self.buffer.find(b"\n")) < 0:
            self._more(until)
        text = bytes(self.buffer[:end])
        del self.buffer[: end + 1]
        message: dict[str, Any] = json.loads(text)
        return message

    def pixels(self, shape: tuple[int, ...], until: float) -> np.ndarray:
        """The uint8 pixels that follow a line; raises as `line` does."""
        pixels = np.empty(shape, np.uint8)
        view: memoryview[int] = pixels.data.cast("B")
        at = min(len(self.buffer), len(view))
        view[:at] = self.buffer[:at]
        del self.buffer[:at]
        while at < len(view):
            self._wait(until)
            read = os.readv(self.answers.fileno(), [view[at:]])
            if not read:
                raise EOFError
            at += read
        return pixels

    def _wait(self, until: float) -> None:
        if not self.selector.select(max(0.0, until - time.monotonic())):
            raise TimeoutError

    def _more(self, until: float) -> None:
        self._wait(until)
        data = os.read(self.answers.fileno(), 1 << 16)
        if not data:
            raise EOFError
        self.buffer += data

    def stop(self) -> None:
        """End the process, if this is the process that began it."""
        if self.owner != os.getpid():
            return
        self.process.kill()
        self.process.wait()
        self.requests.close()
        self.answers.close()
        self.selector.close()


_lock = threading.Lock()
_idle: list[Worker] = []


def ask(source: Source, kind: str, **options: Any) -> Generator[tuple[dict[str, Any], np.ndarray | None], None, None]:
    """Facts and pixels of each frame, then the facts of the whole file, with an entry `end` and without pixels.

    Args:
        source: a path, or the bytes of a file.
        kind: `video` and `image` as they are shown, with the options `pixels` (False for times and sizes alone) and
            `most` (frames); `stored` for frames as they are stored, with the options `form` and `most`; `header` for
            what the file says of itself, with the option `packets`.
        options: all those of the kind.

    Raises:
        UsageError: names the file and says why it cannot be read.
    """
    name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
    what = "an image" if kind == "image" else "a video"
    request = _request(source, kind, name, what) | options
    worker, whole = _take(), False
    try:
        worker.send(json.dumps(request).encode() + b"\n" + (source if isinstance(source, bytes) else b""))
        while not whole:
            until = time.monotonic() + DEADLINE
            facts = worker.line(until)
            pixels = worker.pixels(tuple(facts["shape"]), until) if "shape" in facts else None
            whole = not facts.keys().isdisjoint(("end", "error", "unreadable"))
            if "error" in facts:
                raise UsageError(f"{name}: {facts['error']}")
            if "unreadable" in facts:
                raise UsageError(f"{name}: not {what} that can be read ({facts['unreadable']})")
            yield facts, pixels
    except TimeoutError:
        raise UsageError(f"{name}: the decoder gave no frame within {DEADLINE:g} s; re-encode the file") from None
    except (EOFError, BrokenPipeError):
        code = worker.process.wait()
        why = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise UsageError(f"{name}: not {what} that can be read (the decoder ended with {why})") from None
    finally:
        if whole:
            with _lock:
                _idle.append(worker)
        else:
            worker.stop()


def _request(source: Source, kind: str, name: str, what: str) -> dict[str, Any]:
    if isinstance(source, bytes):
        return {"kind": kind, "bytes": len(source)}
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        raise UsageError(f"{name}: no such file") from None
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{name}: not a file but a folder, pipe or device; give a video or image file")
    if not status.st_size:
        raise UsageError(f"{name}: not {what}: the file is empty")
    if status.st_size > LARGEST:
        raise UsageError(f"{name}: over {LARGEST >> 30} GiB; cut it")
    return {"kind": kind, "path": ("" if kind == "image" else "file:") + os.path.abspath(name)}


def _take() -> Worker:
    with _lock:
        while _idle:
            worker = _idle.pop()
            if worker.owner == os.getpid() and worker.process.poll() is None:
                return worker
    return Worker()


@atexit.register
def _stop() -> None:
    while _idle:
        _idle.pop().stop()
