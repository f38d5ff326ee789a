"""One table for every kind of fuzzing: how often each verdict was given, and examples of those that must not be."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

VERDICTS = ("right", "clear", "traceback", "hang", "crash", "silently wrong")
GOOD = ("right", "clear")


class Table:
    """Verdicts by kind of input, with a few examples of each bad one."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.examples: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, kind: str, verdict: str, example: str = "") -> None:
        """Count one input. verdict: one of VERDICTS."""
        self.counts[kind][verdict] += 1
        if verdict not in GOOD and len(self.examples[kind, verdict]) < 5:
            self.examples[kind, verdict].append(example)

    @property
    def bad(self) -> int:
        """How many inputs got a verdict that must not be."""
        return sum(n for counts in self.counts.values() for verdict, n in counts.items() if verdict not in GOOD)

    def text(self) -> str:
        """The table and the examples, for a terminal."""
        lines = [f"{'kind':<24}" + "".join(f"{v:>16}" for v in VERDICTS)]
        for kind, counts in sorted(self.counts.items()):
            lines.append(f"{kind:<24}" + "".join(f"{counts[v]:>16}" for v in VERDICTS))
        for (kind, verdict), examples in sorted(self.examples.items()):
            lines += [f"\n{verdict}, {kind}:", *(f"  {e}" for e in examples)]
        return "\n".join(lines)


def command(fuzz: Callable[[int, int], Table], about: str, count: int) -> int:
    """The command line of a fuzzer: judge `--count` inputs made from `--seed` and print the table.

    Args:
        fuzz: takes the number of inputs and the seed.
        about: the text of `--help`.
        count: how many inputs if the command line does not say.

    Returns:
        The exit code, 1 if an input got a verdict that must not be.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=count, help="number of inputs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: %(default)s)")
    options = parser.parse_args()
    table = fuzz(options.count, options.seed)
    print(table.text())
    return 1 if table.bad else 0


def run(command: Sequence[str], seconds: float) -> tuple[str, str]:
    """Run a command in its own process group, with a time limit in seconds.

    Returns:
        An outcome, and what was printed. `right` means exit code 0 only; the caller compares the result.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        text = process.communicate(timeout=seconds)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "hang", ""
    if re.search(r"^Traceback", text, re.MULTILINE):
        return "traceback", text
    if process.returncode < 0 or process.returncode > 2:
        return "crash", text
    return ("right" if process.returncode == 0 else "clear"), text


def forked(act: Callable[[], int], said: Path, seconds: float) -> tuple[int | None, str]:
    """Do something in a fork with a time limit in seconds, its output in a file. Quicker than a process of its own.

    Returns:
        The exit status (None at the limit, negative for a signal), and what was printed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        _in_fork(act, said)
    deadline = time.monotonic() + seconds
    while not (done := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None, said.read_text(errors="replace")
        time.sleep(0.005)
    return os.waitstatus_to_exitcode(done[1]), said.read_text(errors="replace")


def _in_fork(act: Callable[[], int], said: Path) -> NoReturn:
    code = 99
    try:
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        code = act()
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
