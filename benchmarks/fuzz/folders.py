"""Broken run folders, seeded: a run that goes on in one ends as if nothing had been broken, or is refused in one line.

    python -m benchmarks.fuzz.folders [--count 300] [--seed 0]

Each case damages a copy of a run folder, of a run that was killed or one that is finished, and gives the same command
again. `right` means the result hash, the films and best/ of an undisturbed run, byte for byte.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.fuzz.damages import KINDS, Scene, files_in
from benchmarks.fuzz.forks import Ended, Way, fork, prepare, single, ways
from benchmarks.fuzz.table import SHARE, Table, command, sampled
from raysearch.cli import main as command_line
from raysearch.engine.journal import Journal

LIMIT_S = 240.0  # a whole run, on a machine that may do other work; a hang never ends
JOB = """\
prompts: {items: [{id: a, text: a ball}, {id: b, text: a wall}]}
search: {name: smc, n: 4, kernel: {name: ddim_eta, eta: 0.7}}
generator: {name: "examples.clockwork:load", model: clockwork, steps: 8, fps: 8}
reward: motion
watch: []
films: shown
latents: finals
cluster: {executor: inline}
"""
FORK, FRESH = ways("raysearch.cli", lambda: command_line)


def scene(root: Path) -> Scene:
    """Make the folders below `root`, and import here what a run imports."""
    job = root / "job.yaml"
    job.write_text(JOB)
    prepare(lambda: _run(job, root / "whole", []) or command_line(["report", str(root / "whole")]), root)
    foreign = {"reward": "reward=flicker", "seed": "seed=5", "model": "generator.call={numbers: 8}"}
    wanted = [(f"killed{k}", list[str](), k) for k in (1, 7, 12, 13)]
    wanted += [(name, [word], 0) for name, word in foreign.items()]
    for name, words, moves in wanted:
        ended = fork(lambda w=words, n=name, m=moves: _run(job, root / n, w, m), root, LIMIT_S)
        if ended.code != (137 if moves else 0):
            raise RuntimeError(f"{name}: {ended}")
    killed = tuple(root / name for name, _, moves in wanted if moves)
    return Scene(job, root / "whole", killed, tuple(root / name for name in foreign))


def _run(job: Path, folder: Path, words: list[str], moves: int = 0) -> int:
    """Run the job; end the process after some Moves, as `kill -9` does."""
    record = Journal.record

    def ending(self: Journal, outcome) -> None:
        record(self, outcome)
        if len(self.outcomes) == moves:
            os._exit(137)

    if moves:
        Journal.record = ending  # type: ignore[method-assign]
    return command_line(["run", str(job), f"run={folder}", *words])


def judge(folder: Path, scene: Scene, root: Path, limit: float = LIMIT_S, way: Way | None = None) -> tuple[str, Ended]:
    """The verdict on a folder, and how the command of the run ended that was given again."""
    ended = (way or FORK)(["run", str(scene.job), f"run={folder}"], root, limit)
    if ended.fault:
        return ended.fault, ended
    if ended.code:
        told = [line for line in ended.lines if line.startswith("raysearch: ")]
        return ("clear" if told and all(len(line) < 1000 for line in told) else "traceback"), ended
    wrong = differences(folder, scene.whole)
    return ("silently wrong", replace(ended, err=f"{wrong}: {ended.err}")) if wrong else ("right", ended)


def judge_report(folder: Path, root: Path, limit: float = LIMIT_S, way: Way | None = None) -> tuple[str, Ended]:
    """The verdict on the report of a folder: a page, or one line that says why there is none."""
    ended = (way or FORK)(["report", str(folder)], root, limit)
    if ended.fault or ended.code == 1:
        return ended.fault or "crash", ended
    one = len([line for line in ended.lines if line.startswith("raysearch: ")]) == 1
    return ("right" if ended.code == 0 else "clear" if one else "traceback"), ended


def differences(folder: Path, whole: Path) -> list[str]:
    """What of the results in a folder is not as in the undisturbed run; films that it does not have do no harm."""
    wrong = []
    if _hash(folder) != _hash(whole):
        wrong.append("hash")
    for pattern in ("films/*/*.mp4", "films/*/*.json", "best/*"):
        one, other = ({p.relative_to(f): p.read_bytes() for p in files_in(f, pattern)} for f in (folder, whole))
        wrong += [f"{path}" for path in other if one.get(path) != other[path]]
        if pattern == "best/*":
            wrong += [f"{path} too many" for path in one if path not in other]
    return wrong + [str(path) for path in folder.rglob("*.partial")]


def _hash(folder: Path) -> str | None:
    try:
        return json.loads((folder / "result.json").read_text())["hash"]
    except (OSError, ValueError, KeyError):
        return None


def broken(number: int, seed: int, folder: Path, scene: Scene) -> str:
    """Make the damaged folder of a case, anew if there is one; the kind of damage."""
    shutil.rmtree(folder, ignore_errors=True)
    kind, dice = list(KINDS)[number % len(KINDS)], random.Random(f"{seed} {number}")
    shutil.copytree(dice.choice([scene.whole, *scene.killed]), folder)
    KINDS[kind](folder, dice, scene)
    return kind


def fuzz(count: int, seed: int, share: float = SHARE) -> Table:
    """Judge that many broken folders, kind by kind in turn."""
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        made, folder = scene(root), root / "run"
        for number in range(count):
            kind = broken(number, seed, folder, made)
            if number % 3 == 0:
                verdict, ended = judge_report(folder, root)
                table.add(f"report: {kind}", verdict, f"case {number}: ...{ended.said[-600:]}", shown=True)
            first = judge(folder, made, root)
            table.add(kind, first[0], f"case {number}: ...{first[1].said[-600:]}", shown=True)
            if sampled(seed, number, share):
                broken(number, seed, folder, made)
                if number % 3 == 0:
                    judge_report(folder, root)
                table.again(first, judge(folder, made, root, way=FRESH), f"{kind}: case {number}")
    return table


if __name__ == "__main__":
    single()
    raise SystemExit(command(fuzz, __doc__ or "", {"count": 300}, "folders"))
