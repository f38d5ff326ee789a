"""`raysearch init`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from raysearch.builtin import starter
from raysearch.commands.declaring import Declare
from raysearch.errors import UsageError

_INIT = """examples:
  raysearch init                                                # asks what it needs to know
  raysearch init shop --model wan --track t2v --machine slurm
  raysearch init shop --model my-org/my-video-model --track i2v --gpus 4 --yes

Without --yes, what no flag says is asked on a terminal. Elsewhere, and with --yes, defaults are taken: the tiny model
that comes with raysearch, texts, this machine with the GPUs that nvidia-smi or torch counts."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("init", init, "write a commented job file and cluster file to begin with", epilog=_INIT)
    sub.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where to write (default: this folder)")
    names = ", ".join(starter.MODELS)
    sub.add_argument("--model", metavar="MODEL", help=f"{names}, a hub id or a folder (default: tiny)")
    sub.add_argument("--track", metavar="TRACK", help=f"what a prompt is: {', '.join(starter.TRACKS)} (default: t2v)")
    sub.add_argument("--machine", metavar="WHERE", help=f"{', '.join(starter.machines())} (default: here)")
    sub.add_argument("--gpus", type=int, metavar="N", help="GPUs of the machine (default: as many as this one has)")
    sub.add_argument("--yes", action="store_true", help="ask nothing")
    sub.add_argument("--force", action="store_true", help="write files anew that are already there")


def init(args: argparse.Namespace) -> int:
    """Write a job file and a cluster file, after a few questions where a person can answer them."""
    asking = sys.stdin.isatty() and not args.yes
    starter.check(args.track or "t2v", args.machine or starter.HERE)  # before anything is asked
    tracks = ", ".join(f"{name}: {what}" for name, what in starter.TRACKS.items())
    model = args.model or _answer(asking, f"model ({', '.join(starter.MODELS)}, a hub id or a folder)", "tiny")
    track = args.track or ("t2v" if model == "tiny" else _answer(asking, f"track ({tracks})", "t2v"))
    machine = args.machine or _answer(asking, f"machine ({', '.join(starter.machines())})", starter.HERE)
    starter.check(track, machine)
    if not args.force:
        starter.free(Path(args.folder), starter.Start(model, track, machine))
    gpus, counted = _gpus(args.gpus, machine, asking)
    written = starter.write(Path(args.folder), starter.Start(model, track, machine, gpus), args.force)
    notes = {
        starter.JOB: f"what to run: {model}, {track}",
        starter.CLUSTER: f"where: this machine, {gpus or 'no'} GPU{'s' * (gpus != 1)}{counted}"
        if machine == starter.HERE
        else f"where: {machine}{f', {gpus} GPUs' * bool(gpus)}; what you must change is at its top",
    }
    for path in written:
        print(f"wrote {path}  {notes.get(path.name, '')}".rstrip())
    _next(args.folder, machine)
    return 0


def _answer(asking: bool, question: str, default: str) -> str:
    if not asking:
        return default
    try:
        return input(f"{question} [{default}]: ").strip() or default
    except EOFError:
        return default


def _gpus(given: int | None, machine: str, asking: bool) -> tuple[int, str]:
    """How many GPUs this machine has, and a note on who counted them."""
    if given is not None and machine not in (starter.HERE, starter.GPU_NODE):
        raise UsageError(
            f"--gpus {given}: counts the GPUs of one machine, {starter.HERE} or {starter.GPU_NODE}; leave it out for "
            f"{machine}, and say in the {starter.CLUSTER} that is then written how many GPUs it has"
        )
    if given is not None:
        least = int(machine == starter.GPU_NODE)
        if not least <= given <= 64:
            raise UsageError(f"--gpus {given}: give a whole number from {least} to 64")
        return given, ""
    if machine != starter.HERE:
        return 0, ""
    print("counting the GPUs of this machine ...", flush=True)
    count, by = starter.gpus()
    answer = _answer(asking, f"GPUs to use, of {count} that {by} counts", str(count))
    if not answer.isdigit() or int(answer) > 64:
        raise UsageError(f"{answer!r}: give a whole number from 0 to 64, e.g. --gpus {count}")
    return int(answer), f" (counted by {by})" * (int(answer) == count)


def _next(folder: str, machine: str) -> None:
    command = {starter.HERE: "run", "slurm": "slurm"}.get(machine, "submit")
    lines = [] if folder == "." else [f"cd {folder}"]
    lines += [
        f"raysearch config {starter.JOB} --cluster {starter.CLUSTER}",
        f"raysearch {command} {starter.JOB} --cluster {starter.CLUSTER}",
    ]
    print("\n".join(["next:", *(f"  {line}" for line in lines)]))
