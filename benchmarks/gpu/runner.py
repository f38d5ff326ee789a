"""Run a part in a process of its own: one that hangs or takes too much memory costs itself alone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.gpu.parts import Part, Place

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def run(part: Part, place: Place, limit: float) -> dict[str, Any]:
    """What came of a part: its `status` (done, skipped, failed), `took`, and its `rows` or the `reason`."""
    words = [sys.executable, "-m", "benchmarks.gpu.child", part.name, place.size, place.device]
    return answered(words, limit)


def answered(words: Sequence[str], limit: float) -> dict[str, Any]:
    """Run a command whose last line is its answer as JSON, and end it with all it started after `limit` seconds."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as wrong:
        process = subprocess.Popen(words, stdout=said, stderr=wrong, env=os.environ | OFFLINE, start_new_session=True)
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            return {"status": "failed", "took": limit, "reason": f"not finished after {limit:.0f} s"}
        finally:
            _end(process)
        took = time.monotonic() - start
        said.seek(0)
        wrong.seek(0)
        lines, errors = said.read().splitlines(), wrong.read().split("\n")
    if code == 0 and lines:
        return json.loads(lines[-1]) | {"took": took}
    last = next((line.strip() for line in reversed(errors) if line.strip()), "")
    why = f"ended by signal {-code}" if code < 0 else f"ended with {code}"
    return {"status": "failed", "took": took, "reason": f"{why}: {last}"[:300] if last else why}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process group, which is the part's own, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
