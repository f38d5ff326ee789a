"""Each input in a process of its own: a fork of this one, or an interpreter that is started for it.

A fork begins at once, because what a command imports has been imported here by `prepare`. That is sound as long as this
process has a single thread and has not started Ray. Both kinds of process have a session, a working folder, an
environment, files for what they print and a time limit of their own, and leave no process behind.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]
START_S = 100.0  # that an interpreter may take to import everything while the machine does other work
Main = Callable[[list[str]], int]


@dataclass(frozen=True)
class Ended:
    """How a process ended. code: its exit code, negative for a signal, None at the limit; out, err: what it printed."""

    code: int | None
    out: str
    err: str

    @property
    def said(self) -> str:
        """All that was printed."""
        return self.out + self.err

    @property
    def lines(self) -> list[str]:
        """What raysearch itself says on standard error."""
        return [line for line in self.err.splitlines() if line.startswith("raysearch")]

    @property
    def fault(self) -> str | None:
        """The verdict on an end that no input may have: hang, traceback or crash."""
        if self.code is None:
            return "hang"
        if "Traceback (most recent call last)" in self.said:
            return "traceback"
        return None if 0 <= self.code <= 2 else "crash"


Way = Callable[[Sequence[str], Path, float], Ended]


def fork(act: Callable[[], int], folder: Path, seconds: float, env: Mapping[str, str] | None = None) -> Ended:
    """Do something in a fork of this process.

    Args:
        act: returns the exit code.
        folder: where the files of its output and its working folder are made.
        seconds: the time limit.
        env: what is added to the environment.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    here = _here(folder)
    pid = os.fork()
    if not pid:
        _in_fork(act, folder, here, env or {})
    deadline = time.monotonic() + seconds
    while not (ended := os.waitpid(pid, os.WNOHANG))[0] and time.monotonic() < deadline:
        time.sleep(0.003)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # what it has left, or itself
        os.killpg(pid, signal.SIGKILL)
    if not ended[0]:
        os.waitpid(pid, 0)
    return _ended(os.waitstatus_to_exitcode(ended[1]) if ended[0] else None, folder)


def fresh(words: Sequence[str], folder: Path, seconds: float, env: Mapping[str, str] | None = None) -> Ended:
    """Run `python -m WORDS` in an interpreter of its own; the other arguments are those of `fork`."""
    here = _here(folder)
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH")) if p)
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=here,
            env={**os.environ, "PYTHONPATH": path, **(env or {})}, start_new_session=True,
        )  # fmt: skip
    code = None
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = process.wait(seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return _ended(code, folder)


def ways(module: str, main: Callable[[], Main]) -> tuple[Way, Way]:
    """Both ways to run a command, `python -m MODULE WORDS`: its function in a fork, and an interpreter of its own.

    Args:
        module: the module of the command.
        main: gives the function, which is looked up for every run.
    """
    return (
        lambda words, folder, seconds: fork(lambda: main()(list(words)), folder, seconds),
        lambda words, folder, seconds: fresh([module, *words], folder, seconds + START_S),
    )


def prepare(act: Callable[[], int], folder: Path, seconds: float = 300.0) -> None:
    """Import here all that something imports, which is done once in a fork for that.

    Raises:
        RuntimeError: it fails.
    """
    names = folder / "modules"

    def listing() -> int:
        code = act()
        names.write_text("\n".join(sys.modules))
        return code

    ended = fork(listing, folder, seconds)
    if ended.code != 0:
        raise RuntimeError(f"what must succeed ended with {ended.code}: {ended.said}")
    for name in names.read_text().splitlines():
        if name not in sys.modules:
            with contextlib.suppress(Exception):  # made by a library, not imported; a fork makes it anew
                importlib.import_module(name)


def single() -> None:
    """Refuse a process with Ray or with more than one thread: a fork would inherit the locks of the others for ever."""
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        raise RuntimeError("Ray runs in this process, which therefore cannot be forked")
    tasks = Path("/proc/self/task")
    count = len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()
    if count > 1:
        raise RuntimeError(f"{count} threads before the first fork; start it with OMP_NUM_THREADS=1, as make fuzz does")


def _here(folder: Path) -> Path:
    here = folder / "here"
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir(parents=True)
    return here


def _ended(code: int | None, folder: Path) -> Ended:
    out, err = ((folder / name).read_text(errors="replace") for name in ("out", "err"))
    return Ended(code, out, err)


def _in_fork(act: Callable[[], int], folder: Path, here: Path, env: Mapping[str, str]) -> NoReturn:
    code = 99
    try:
        os.setsid()
        for number, name in enumerate((os.devnull, folder / "out", folder / "err")):
            file = os.open(name, os.O_RDONLY if not number else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(file, number)
            os.close(file)
        os.chdir(here)
        os.environ.update(env)
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", closefd=False, errors="backslashreplace") for n in (1, 2))
        code = act()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
