"""Run an evaluator that is installed in another environment: a command with {input} and {output}, without a shell.

Evaluators append to what is there, so the output is removed first; and one that ends well but wrote nothing has failed.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from raysearch.errors import UsageError


def run(command: str, source: str | Path, output: str | Path, timeout_s: float | None = None) -> Path:
    """Run it to its end; returns `output`. Raises UsageError with the last lines it said if it fails."""
    words = shlex.split(command)
    joined = " ".join(words)
    for place in ("{input}", "{output}"):
        if place not in joined:
            raise UsageError(f"--command {command!r} has no {place}; it says where the evaluator reads and writes")
    words = [w.replace("{input}", str(source)).replace("{output}", str(output)) for w in words]
    if shutil.which(words[0]) is None:
        raise UsageError(f"--command: {words[0]}: no such program; give the python of the evaluator's environment")
    target = Path(output)
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise UsageError(f"--command: {words[0]} did not end within {timeout_s:g} s") from None
    if done.returncode or not target.exists():
        text = " | ".join((done.stderr or done.stdout).strip().splitlines()[-3:]) or "it said nothing"
        raise UsageError(f"--command: {words[0]} ended with {done.returncode} and wrote no {target}: {text}")
    return target
