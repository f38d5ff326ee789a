"""raysearch on several Python versions: each in an empty environment, without constraints, as pip resolves it.

For every interpreter that is there: a virtual environment, the installation of this checkout with the newest release
of everything that setup.cfg allows, `raysearch init`, and the demo at a small size in one process. Prints a table, and
fails if a version fails. It downloads gigabytes where the index has no CPU build of PyTorch.

    python -m benchmarks.matrix                     # every version of VERSIONS that is installed
    python -m benchmarks.matrix --only 3.10 3.13
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
SHOWN = ("torch", "ray", "diffusers", "transformers", "numpy", "av")
DEMO = ("run", "demo", "prompts.heldout=1", "search.n=2", "cluster.executor=inline")
VERSION = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


def main() -> None:
    """Try every version and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=VERSIONS, default=VERSIONS, help="these versions")
    parser.add_argument("--json", help="also write the table to this file")
    args = parser.parse_args()
    rows = [tried(version, python) for version in args.only if (python := interpreter(version))]
    print("python  installed in, s  demo, s  result  " + "  ".join(SHOWN))
    for row in rows:
        made = "  ".join(row["versions"].get(name, "-") for name in SHOWN)
        print(f"{row['python']:<7} {row['install_s']:>14.0f}  {row['demo_s']:>7.0f}  {row['result']:<6}  {made}")
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")
    if not rows or any(row["result"] != "ok" for row in rows):
        sys.exit(f"failed, or no interpreter found of {', '.join(args.only)}")


def interpreter(version: str) -> str | None:
    """The command of a Python version that starts, on the path or of pyenv; None if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    for command in (f"python{version}", *map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python")))):
        try:
            if subprocess.run([command, "-c", "import venv"], capture_output=True, timeout=60).returncode == 0:
                return command
        except (OSError, subprocess.SubprocessError):
            continue
    return None


def tried(version: str, command: str) -> dict[str, Any]:
    """Install into a new environment of a version and run the demo there."""
    row: dict[str, Any] = {"python": version, "install_s": 0.0, "demo_s": 0.0, "versions": {}, "result": "ok"}
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "PIP_CONSTRAINT")}
    with tempfile.TemporaryDirectory(prefix="raysearch-matrix-") as folder:
        python = f"{folder}/env/bin/python"
        steps = [
            ("install_s", [command, "-m", "venv", f"{folder}/env"]),
            ("install_s", [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT)]),
            ("demo_s", [python, "-m", "raysearch.cli", "init", "shop", "--yes", "--gpus", "0"]),
            ("demo_s", [python, "-m", "raysearch.cli", *DEMO]),
        ]
        for key, step in steps:
            began = time.monotonic()
            done = subprocess.run(step, cwd=folder, env=env, capture_output=True, text=True)
            row[key] += time.monotonic() - began
            if done.returncode:
                print(f"Python {version}: {' '.join(step)}\n{(done.stdout + done.stderr)[-2000:]}", file=sys.stderr)
                return {**row, "result": "FAILED"}
        found = subprocess.run([python, "-c", VERSION, *SHOWN], cwd=folder, env=env, capture_output=True, text=True)
        row["versions"] = json.loads(found.stdout)
    return row


if __name__ == "__main__":
    main()
