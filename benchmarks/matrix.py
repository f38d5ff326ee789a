"""raysearch on several Python versions: each in an empty environment, without constraints, as pip resolves it.

Of every version: a virtual environment, the installation of this checkout with the newest release of everything that
setup.cfg allows, `raysearch init`, and the demo at a small size in one process. By default the oldest and the newest
version that are there. Prints a table, a row as soon as it is known, and fails if a version fails. It downloads
gigabytes where the index has no CPU build of PyTorch.

    python -m benchmarks.matrix                     # the oldest and the newest of VERSIONS that are installed
    python -m benchmarks.matrix --only 3.11 3.12
    python -m benchmarks.matrix --next              # whether the next releases work: no upper bounds, contract suites
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
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
CONTRACTS = ("tests/executors", "tests/zoo/test_contract.py", "tests/videos")  # what an upper bound must answer to
STEP_S = 3600  # no step takes longer
VERSION = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


def main() -> None:
    """Try the versions, and print and write each row as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=VERSIONS, help="these versions")
    parser.add_argument(
        "--next", action="store_true", help="install without the upper bounds of setup.cfg, pre-releases of Ray and "
        "diffusers too, and run the contract suites",
    )  # fmt: skip
    parser.add_argument("--json", help="also write the table to this file")
    args = parser.parse_args()
    there = {version: python for version in args.only or VERSIONS if (python := interpreter(version))}
    chosen = list(there) if args.only else sorted({*list(there)[:1], *list(there)[-1:]}, key=VERSIONS.index)
    if not chosen:
        sys.exit(f"no interpreter found of {', '.join(args.only or VERSIONS)}")
    print("python  installed in, s  demo, s  result  " + "  ".join(SHOWN), flush=True)
    rows = []
    for version in chosen:
        rows.append(row := tried(version, there[version], args.next))
        made = "  ".join(row["versions"].get(name, "-") for name in SHOWN)
        print(f"{version:<7} {row['install_s']:>14.0f}  {row['demo_s']:>7.0f}  {row['result']:<6}  {made}", flush=True)
        if args.json:
            Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")
    if failed := [row["python"] for row in rows if row["result"] != "ok"]:
        sys.exit(f"failed: {', '.join(failed)}")


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


def tried(version: str, command: str, ahead: bool = False) -> dict[str, Any]:
    """Install into a new environment of a version and run the demo there.

    Args:
        version: of Python.
        command: its interpreter.
        ahead: without upper bounds, with pre-releases, and with the contract suites.
    """
    row: dict[str, Any] = {"python": version, "install_s": 0.0, "demo_s": 0.0, "versions": {}, "result": "ok"}
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "PIP_CONSTRAINT")}
    with tempfile.TemporaryDirectory(prefix="raysearch-matrix-") as folder:
        python, source = f"{folder}/env/bin/python", str(ROOT)
        pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]
        if ahead:
            source = f"{folder}/raysearch"
            shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv", "runs", "__pycache__"))
            bounds = Path(source, "setup.cfg")
            bounds.write_text(re.sub(r",<[\d.]+$", "", bounds.read_text(), flags=re.M))
        steps = [
            ("install_s", [command, "-m", "venv", f"{folder}/env"]),
            ("install_s", [*pip, f"{source}{'[dev]' * ahead}"]),
            ("demo_s", [python, "-m", "raysearch.cli", "init", "shop", "--yes", "--gpus", "0"]),
            ("demo_s", [python, "-m", "raysearch.cli", *DEMO]),
        ]
        if ahead:
            steps.insert(2, ("install_s", [*pip, "--upgrade", "--pre", "ray[default]", "diffusers"]))
            steps += [("demo_s", [python, "-m", "pytest", "-n", "0", f"--rootdir={source}", f"{source}/{suite}"])
                      for suite in CONTRACTS]  # fmt: skip
        for key, step in steps:
            began = time.monotonic()
            with open(f"{folder}/said", "w+") as said:
                try:
                    code = subprocess.run(
                        step, cwd=folder, env=env, stdout=said, stderr=said, timeout=STEP_S
                    ).returncode
                except subprocess.TimeoutExpired:
                    code = f"more than {STEP_S} s"
            row[key] = round(row[key] + time.monotonic() - began, 1)
            if code:
                text = Path(folder, "said").read_text()[-2000:]
                print(f"Python {version}: {' '.join(step)}: {code}\n{text}", file=sys.stderr)
                return {**row, "result": "FAILED"}
        found = subprocess.run([python, "-c", VERSION, *SHOWN], cwd=folder, env=env, capture_output=True, text=True)
        row["versions"] = json.loads(found.stdout)
    return row


if __name__ == "__main__":
    main()
