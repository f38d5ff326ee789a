"""Counts of outcomes by kind of broken input, printed as a table."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence

OUTCOMES = ("right", "clear", "traceback", "hang", "crash", "silently wrong")


def run(command: Sequence[str], seconds: float) -> tuple[str, str]:
    """Runs a command in a process group of its own.

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


def render(counts: Mapping[str, Counter[str]]) -> str:
    """The table kind x outcome, as text."""
    lines = ["".join(f"{name:>16}" for name in ("kind", *OUTCOMES))]
    for kind, found in counts.items():
        lines.append("".join(f"{x:>16}" for x in (kind, *(found[o] for o in OUTCOMES))))
    return "\n".join(lines)
