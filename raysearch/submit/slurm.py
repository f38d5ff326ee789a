"""`raysearch slurm`: the batch script of a job, from `slurm:` of the cluster file and the template beside it; sbatch.

The job's name in Slurm is its identity, as in `sending`: while one of that name is queued or runs, no second is
submitted. Slurm's machines see the working directory, so nothing is packed and a relative run folder is kept.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raysearch.config.places import SlurmConfig
from raysearch.errors import UsageError
from raysearch.submit import sending

FOLDER = "runs/slurm"  # of the working directory: scripts, logs, exit codes


@dataclass(frozen=True)
class Script:
    """A batch script.

    Attributes:
        name: Name of the job in Slurm.
        folder: Where the script, the logs and the exit codes of the attempts are.
        text: The script.
    """

    name: str
    folder: Path
    text: str


def render(command: str, job_file: str, words: Sequence[str], cluster_file: str) -> Script:
    """The batch script of a job, checked. Raises UsageError if the job, the cluster file or the template is wrong."""
    job, identity = sending.identify(command, job_file, words, cluster_file)
    slurm, root = job.cluster.slurm, Path.cwd()
    template = Path(cluster_file).parent / slurm.script
    if not template.is_file():
        raise UsageError(f"{cluster_file}: slurm.script={slurm.script!r}: no such file beside it")
    folder = root / FOLDER / identity
    call = ["python", "-m", "raysearch.cli", command, job_file, "--cluster", cluster_file, *words]
    values = {
        "OPTIONS": "\n".join(f"#SBATCH {option}" for option in _options(slurm, identity, folder)),
        "SETUP": "\n".join(slurm.setup) or "# slurm.setup is empty",
        "ROOT": shlex.quote(str(root)),
        "FOLDER": shlex.quote(str(folder)),
        "TMP": shlex.quote(slurm.tmp),
        "COMMAND": shlex.join(call),
        "CPUS": str(slurm.cpus_per_node),
        "GPUS": str(slurm.gpus_per_node),
        "RETRIES": str(slurm.retries),
    }
    text = template.read_text()
    if unknown := sorted(set(re.findall(r"@([A-Z_]+)@", text)) - set(values)):
        raise UsageError(f"{template}: @{unknown[0]}@ is unknown; there are: {', '.join(values)}")
    return Script(identity, folder, re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], text))


def submit(script: Script) -> str:
    """Give the script to sbatch; returns what to tell the user. Raises UsageError for what Slurm refuses."""
    if queued := _slurm("squeue", "--me", "--noheader", f"--name={script.name}", "--format=%i").split():
        return f"{script.name} is already Slurm job {queued[0]}; logs: {script.folder}"
    script.folder.mkdir(parents=True, exist_ok=True)
    file = script.folder / "script.sbatch"
    file.write_text(script.text)
    number = _slurm("sbatch", "--parsable", str(file)).strip().split(";")[0]
    return f"{script.name} is Slurm job {number}; logs: {script.folder}/log-{number}.txt\n  stop it:  scancel {number}"


def _options(slurm: SlurmConfig, name: str, folder: Path) -> list[str]:
    """Those of the settings and of the cluster file. Raises UsageError for one that is no option."""
    options = [f"--job-name={name}", f"--output={folder}/log-%j.txt", f"--nodes={slurm.nodes}", f"--time={slurm.time}",
               f"--cpus-per-task={slurm.cpus_per_node}"]  # fmt: skip
    options += [f"--gpus-per-node={slurm.gpus_per_node}"] * bool(slurm.gpus_per_node)
    named = (("partition", slurm.partition), ("account", slurm.account), ("mem", slurm.memory_per_node))
    options += [f"--{key}={value}" for key, value in named if value is not None]
    for option in [*options, *slurm.options]:
        if not option.startswith("-") or "\n" in option:
            raise UsageError(f"cluster.slurm.options: {option!r}: give options of sbatch, e.g. --qos=high")
    return [*options, *slurm.options]


def _slurm(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        raise UsageError(
            f"{command[0]}: no such program; raysearch slurm runs on a login node of a Slurm cluster"
        ) from None
    if done.returncode:
        raise UsageError(f"{command[0]}: {' '.join(done.stderr.split()) or f'exit code {done.returncode}'}")
    return done.stdout
