"""Code in an interpreter of its own: what it imports."""

import os
import subprocess
import sys
from pathlib import Path

from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[1]
HEAVY = {"ray", "torch", "diffusers", "transformers"}


def modules(code: str) -> tuple[set[str], str]:
    """(every module there is after the code, what it printed)."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    *printed, last = done.stdout.splitlines()
    return set(last.split()), "\n".join(printed)


def heavy(*words: str) -> tuple[set[str], str]:
    """(which of the heavy packages a command of raysearch imports, what it printed); it must succeed."""
    loaded, printed = modules(f"from raysearch.cli import main; assert main({list(words)!r}) == 0")
    return loaded & HEAVY, printed
