"""The files a user begins with: a commented job and a cluster file, made of those that come with raysearch.

What is known of a model stands in the built-in jobs alone; its lines are taken from there with their comments.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from raysearch import builtin
from raysearch.errors import UsageError
from raysearch.names import lookup

TRACKS = {"t2v": "a text", "i2v": "a text and an image", "v2v": "a text and a clip to go on with"}
MODELS: Mapping[str, Mapping[str, str]] = {  # by short name: the built-in job that knows the model, by track
    "tiny": dict.fromkeys(TRACKS, "demo"),
    "wan": {"t2v": "wan_t2v", "i2v": "wan_i2v", "v2v": "physics_iq_v2v"},
    "ltx": dict.fromkeys(TRACKS, "ltx_v2v"),
    "cogvideox": {"i2v": "cogvideox_i2v"},
}
HERE = "here"  # the machine that `raysearch init` runs on
GPU_NODE = "gpu-node"  # the cluster file of one machine with GPUs
JOB, CLUSTER = "job.yaml", "cluster.yaml"
PROMPTS = {
    "t2v": """prompts:
  items:                        # or file: prompts.txt, with a text on each line
    - {id: dominoes, text: "A row of wooden dominoes; the first is pushed and all fall, one after the other."}
    - {id: ramp, text: "A red ball rolls down a wooden ramp and hits a stack of cups, static camera."}
""",
    "i2v": """prompts:
  file: frames                  # a folder of your images; NAME.txt beside NAME.png is the text of the prompt
""",
    "v2v": """prompts:
  file: clips                   # a folder of your clips; NAME.txt beside NAME.mp4 is the text of the prompt
""",
    "tiny": """prompts:
  heldout: 8                    # scenes of the tiny world that no training has seen; their true future is known
""",
}
REWARD = {
    "tiny": "reward: {name: vjepa2, model: tiny}         # what the search goes by; `raysearch rewards` lists others\n"
    "watch: [motion, tinyworld_truth]            # measured beside it, never searched by\n",
    "": "reward: {name: vjepa2, model: facebook/vjepa2-vitg-fpc64-256, dtype: bfloat16, preset: wmreward}\n"
    "watch: [motion]                 # measured beside it, never searched by; a frozen video must not win\n",
}


@dataclass(frozen=True)
class Start:
    """What a user wants to begin with.

    Attributes:
        model: a name of MODELS, a hub id or a folder.
        track: what a prompt consists of, a name of TRACKS.
        machine: HERE, or the name of a built-in cluster file.
        gpus: GPUs of this machine, or of a GPU_NODE; 0 for the number that the latter's file has.
    """

    model: str = "tiny"
    track: str = "t2v"
    machine: str = HERE
    gpus: int = 0


def files(start: Start) -> dict[str, str]:
    """The texts to write, by name below the folder: the job, the cluster file, and what belongs to it.

    Raises:
        UsageError: for a track or machine that does not exist, or a model that does not take the track.
    """
    check(start.track, start.machine)
    made = {JOB: _job(start)}
    if start.machine == HERE:
        return made | {CLUSTER: _cluster(start.gpus)}
    folder = builtin.clusters()[start.machine].parent
    if start.machine == GPU_NODE and start.gpus:
        return made | {CLUSTER: _cluster(start.gpus)}
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.is_file()}
    return made | {CLUSTER if name == "run.yaml" else name: text for name, text in texts.items()}


def machines() -> list[str]:
    """The names that `machine` may have: HERE, and the built-in cluster files of other machines."""
    return [HERE, *(name for name in builtin.clusters() if name != "local")]


def check(track: str, machine: str) -> None:
    """Raise UsageError for a track or machine that does not exist."""
    lookup("--track", track, TRACKS)
    lookup("--machine", machine, dict.fromkeys(machines()))


def free(folder: Path, start: Start) -> None:
    """Raise UsageError if a file that would be written is already there, and as `files`."""
    if there := [folder / name for name in files(start) if (folder / name).exists()]:
        raise UsageError(f"{there[0]} is already there; name another folder, or --force to write it anew")


def write(folder: Path, start: Start, replace: bool = False) -> list[Path]:
    """Write the files of `start` into a folder and return their paths.

    Raises:
        UsageError: if a file is already there and may not be replaced, and as `files`.
    """
    texts = files(start)
    if not replace:
        free(folder, start)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror}); name another folder") from None
    return [folder / name for name in texts]


def gpus() -> tuple[int, str]:
    """The GPUs of this machine and who counted them: nvidia-smi, or else torch."""
    try:
        asked = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=10, check=True)
        return sum(line.startswith("GPU ") for line in asked.stdout.splitlines()), "nvidia-smi"
    except (OSError, subprocess.SubprocessError):
        from raysearch import devices

        return devices.count(), "torch"


def _job(start: Start) -> str:
    tiny = "tiny" if start.model == "tiny" else ""
    what = "scenes of the tiny world" if tiny else TRACKS[start.track]
    command = {HERE: "run", "slurm": "slurm"}.get(start.machine, "submit")
    return "\n".join((
        f"# What to run: best of 16 videos for each prompt, {what}, made by {start.model}.\n"
        f"#   raysearch config {JOB} --cluster {CLUSTER}      every setting and its value\n"
        f"#   raysearch {command} {JOB} --cluster {CLUSTER}\n",
        "run: runs/first                 # folder of the results; the same command resumes a run that was stopped\n"
        "seed: 0\n",
        PROMPTS[tiny or start.track],
        "search: {name: best_of_n, n: 16}            # `raysearch strategies` lists the others\n",
        _generator(start),
        REWARD[tiny],
    ))  # fmt: skip


def _generator(start: Start) -> str:
    """The lines of a job on the generator: those of the built-in job that knows the model, or a beginning of them."""
    known = MODELS.get(start.model)
    if known is not None:
        if start.track not in known:
            raise UsageError(f"--track {start.track}: {start.model} takes {', '.join(known)}")
        text = builtin.jobs()[known[start.track]].read_text(encoding="utf-8")
        block = re.search(r"^generator:.*\n(?:[ #].*\n)*", text, re.M)
        assert block is not None, f"the built-in job {known[start.track]} has no generator"
        return block[0]
    return f"""generator:
  model: {start.model}          # `raysearch doctor` MODEL says what it can do on this machine
  dtype: bfloat16
  steps: 40
  fps: 16
  # height, width, num_frames, guidance_scale: as the pipeline has them; state what the card of the model says
"""


def _cluster(gpus: int) -> str:
    """A cluster file for one machine: the one that comes with raysearch, for so many GPUs."""
    if not gpus:
        return builtin.clusters()["local"].read_text(encoding="utf-8")
    text = builtin.clusters()[GPU_NODE].read_text(encoding="utf-8")
    return re.sub(r"(replicas: )8\b", rf"\g<1>{gpus}", text)
