"""One table for every kind of fuzzing: how often each verdict was given, and examples of those that must not be."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter, defaultdict
from collections.abc import Sequence

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
