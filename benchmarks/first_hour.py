"""The first hour with raysearch: how soon every command says something, and what 60 mistakes lead to.

Each command is run on a terminal of its own (a pty), as a person would. Of commands the time until the first line is
measured, by the clock and in CPU seconds of the process, which other work on the machine does not change much; of
mistakes the last line, the exit code and the seconds until the end.

    python -m benchmarks.first_hour        # both tables, into benchmarks/first_hour.json and docs/first-hour.md
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LIMIT_S = 60.0
JSON, PAGE = ROOT / "benchmarks/first_hour.json", ROOT / "docs/first-hour.md"
COMMANDS = """--help
init . --yes --force --gpus 0
run demo prompts.heldout=1 search.n=1 cluster.executor=inline
config demo
sweep sweep_particles prompts.heldout=1 particles=1 seed=0 cluster.executor=inline
plan demo --seconds-per-nfe 1
challenge challenge_tiny --dry-run
report runs/demo
status runs/demo
logs runs/demo
score runs/demo/best
quality runs/demo/best/one_ball-000.mp4
validate-reward --tiny 1 --set model=tiny
doctor tiny --no-gradients
strategies
strategies smc
rewards
rewards vjepa2
generators
generators WanPipeline
submit demo --address http://127.0.0.1:8265 run=/shared/demo --dry-run
slurm wan_t2v --cluster slurm --dry-run
list --address http://127.0.0.1:9
completion bash""".splitlines()
MISTAKES = """
rnu demo
run
run dmeo
run nowhere.yaml
run .
run list.yaml
run broken.yaml
run twice.yaml
run demo.yml
run demo --cluster wan_t2v
run demo --cluster nowhere.yaml
run demo --clutser local
run demo search.n
run demo -search.n=4
run demo serch.n=4
run demo generator.stepz=4
run demo cluster.generators.replica=4
run demo search.partcles=4
run demo search.lam=4
run demo search=SMC
run demo search.name=best_of
run demo search.kernel=ddim
run demo search.guide=cheep
run demo reward.name=vjepa
run demo reward.model=./nowhere
run demo watch=motion
run demo watch=[moton]
run demo search.n=0
run demo search.n=few
run demo search.n=1k
run demo search.n=1,2
run demo search.n=100000000000
run demo seed=-1
run demo generator.fps=24fps
run demo generator.steps=0
run demo generator.model=tinny
run demo generator.model=./nowhere
run demo generator.model=no-such-org/no-such-model
run demo generator.height=33
run demo films=some
run demo run=/proc/1/x
run demo prompts.heldout=0
run demo prompts.scenes=[three_balls]
run demo prompts.file=nowhere.txt
run demo 'prompts.items=[{text: a, vidio: b}]'
run demo 'prompts.items=[{text: a, image: nowhere.png}]'
run demo cluster.executor=slurm
run demo cluster.generators.replicas=400
run demo cluster.deadline_s=4h
run demo search={name:smc,kernel:ode}
report nowhere
status nowhere/run
score nowhere.mp4
score list.yaml
score runs/demo/best --reward motion --map maps/
quality nowhere.mp4
doctor ./nowhere
doctor no-such-org/no-such-model
sweep demo particles=1,x
plan demo --generators 0
strategies smd
rewards motoin
generators wanpipelin
init . --machine moon
submit demo --address http://127.0.0.1:9 run=/shared/x
list
submit demo --address http://10.0.0.1:8265 run=/shared/x
""".strip().splitlines()


def main() -> None:
    """Measure both tables in a new folder and write them down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("commands", "mistakes"), help="print one table and write nothing")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        found: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version()}
        if args.only != "mistakes":
            found["commands"] = [run(line, folder) for line in COMMANDS]
        if args.only != "commands":
            found["mistakes"] = [run(line, folder) for line in MISTAKES]
        found["load"] = round(os.getloadavg()[1], 1)
    text = page(found)
    print(text)
    if not args.only:
        JSON.write_text(json.dumps(found, indent=1) + "\n")
        PAGE.write_text(text)


def prepare(folder: Path) -> None:
    """The files that the commands speak of, and a small finished run; compiled modules, as after a first start."""
    (folder / "list.yaml").write_text("- one\n- two\n")
    (folder / "broken.yaml").write_text("search: {name: best_of_n\nrun: [")
    (folder / "twice.yaml").write_text("seed: 1\nseed: 2\n")
    (folder / "demo.yaml").write_text("run: runs/demo\nprompts: {heldout: 1}\n")
    run("run demo prompts.heldout=1 search.n=2 cluster.executor=inline", str(folder))
    for line in ("config demo", "rewards", "generators", "list --address http://127.0.0.1:9", "doctor tiny"):
        run(line, str(folder))


def run(line: str, folder: str) -> dict[str, Any]:
    """Run a command on a terminal: seconds and CPU seconds to its first line, to its end, exit code, last line."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "raysearch.cli", *shlex.split(line)]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPATH": str(ROOT), "COLUMNS": "160", "TERM": "xterm", "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    text, first, cpu = b"", None, None
    while time.monotonic() - began < LIMIT_S:
        if not select.select([master], [], [], 0.05)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            part = os.read(master, 65536)
        except OSError:  # the terminal is closed: the command has ended
            break
        text += part
        if first is None and b"\n" in text:
            first, cpu = time.monotonic() - began, _cpu(process.pid)
    else:
        os.killpg(process.pid, signal.SIGTERM)
    code = process.wait(60)
    os.close(master)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode()).replace(f"{ROOT}/", "").replace(f"{folder}/", "")
    lines = [found for found in plain.splitlines() if found.strip()]
    own = [found for found in lines if found.startswith("raysearch")]
    return {
        "command": f"raysearch {line}", "first_s": None if first is None else round(first, 2), "first_cpu_s": cpu,
        "end_s": round(time.monotonic() - began, 2), "code": code, "first": lines[0] if lines else "",
        "last": (own or lines or [""])[-1], "lines": len(lines),
    }  # fmt: skip


def _cpu(pid: int) -> float | None:
    """CPU seconds of a process so far, where Linux tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return round((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), 2)


def page(found: dict[str, Any]) -> str:
    """Both tables as Markdown."""
    lines = [
        "# The first hour, measured",
        "",
        "Made by `python -m benchmarks.first_hour`, on a terminal, in a new folder. "
        f"{found['cores']} cores, Python {found['python']}, load {found['load']} (other work on the machine takes its "
        "share: a load above the number of cores stretches the seconds; CPU seconds are those of the process alone).",
    ]
    if rows := found.get("commands"):
        lines += ["", "## Seconds to the first line", "", "| command | first line after, s | CPU s | what it says |"]
        lines += ["|---|---|---|---|"]
        for r in rows:
            cpu = "-" if r["first_cpu_s"] is None else f"{r['first_cpu_s']:.2f}"
            first = "-" if r["first_s"] is None else f"{r['first_s']:.2f}"
            lines.append(f"| `{r['command']}` | {first} | {cpu} | {_cell(r['first'], 70)} |")
    if rows := found.get("mistakes"):
        lines += ["", "## Mistakes", "", "| command | exit code | s | what is printed |", "|---|---|---|---|"]
        for r in rows:
            lines.append(f"| `{r['command']}` | {r['code']} | {r['end_s']:.1f} | {_cell(r['last'], 170)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str, width: int) -> str:
    text = text.replace("|", "\\|").replace("<", "&lt;")
    return text if len(text) <= width else text[: width - 1] + "…"


if __name__ == "__main__":
    main()
