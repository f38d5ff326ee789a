"""Running the command line in processes of its own, with an environment in which no token of this machine is found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AUTH = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")
SMALL = ["prompts.heldout=2", "search.n=6", "generator.steps=6"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """As a user has it: nothing set about Ray, `raysearch` and `python` on the path, an empty home."""
    kept = {k: v for k, v in os.environ.items() if k not in AUTH}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return kept | {"HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def raysearch(*words: object, env: dict[str, str], cwd: Path = ROOT, timeout: float = 240) -> tuple[int, str]:
    """Exit code and all that was printed."""
    command = [sys.executable, "-m", "raysearch.cli", *map(str, words)]
    done = subprocess.run(
        command, env=env, cwd=cwd, timeout=timeout, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout


def outcomes_in(run: Path) -> int:
    """Lines in the journal of a run."""
    return sum(file.read_bytes().count(b"\n") for file in run.glob("outcomes/*.jsonl"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"
