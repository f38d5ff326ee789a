"""Broken run folders, seeded: a run that goes on in one ends as if nothing had been broken, or is refused in one line.

    python -m benchmarks.fuzz.folders [--count 300] [--seed 0]

Each case damages a copy of a run folder, of a run that was killed or one that is finished, and gives the same command
again in a fork of its own with a time limit. `right` means the result hash, the films and best/ of an undisturbed run,
byte for byte. A line of the journal that somebody rewrites together with its checksum is not tried: nothing but doing
the Move again can tell it from a true one.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.fuzz.table import GOOD, Table, command, forked
from raysearch.cli import main as command_line
from raysearch.engine.journal import Journal
from raysearch.moves import Outcome

LIMIT_S = 60.0
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
TEXTS = ["", "{", "[]", "null", "3", '"a"', "\0" * 40, "[" * 99999, "{}", '{"a": ' * 5000, "9" * 5000, "é", "- a\n: b",
         '{"crc": 0, "outcome": {"key": 3}}\n', '{"crc": 1e400}\n', "\ufeff{}", "a: &a [*a]\n"]  # fmt: skip
Dice = random.Random
Damage = Callable[[Path, Dice], None]


@dataclass(frozen=True)
class Scene:
    """The folders that all cases use.

    Attributes:
        job: the job file.
        whole: the finished run.
        killed: the same run killed after ever more Moves.
        foreign: finished runs of other settings: another reward, another seed, other models.
    """

    job: Path
    whole: Path
    killed: tuple[Path, ...]
    foreign: tuple[Path, ...]


def scene(root: Path) -> Scene:
    """Make the folders below `root`: the whole run in this process, so that forks find everything imported."""
    job = root / "job.yaml"
    job.write_text(JOB)
    foreign = {"reward": "reward=flicker", "seed": "seed=5", "model": "generator.call={numbers: 8}"}
    with redirect_stdout(io.StringIO()):
        _run(job, root / "whole", [])
    wanted = [(f"killed{k}", list[str](), k) for k in (1, 7, 12, 13)]
    wanted += [(name, [word], 0) for name, word in foreign.items()]
    for name, words, moves in wanted:
        status, said = forked(lambda w=words, n=name, m=moves: _run(job, root / n, w, m), root / "said", LIMIT_S)
        if status != (137 if moves else 0):
            raise RuntimeError(f"{name}: {status}: {said}")
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


# ---- damages ------------------------------------------------------------------------------------------------------


def bytes_changed(path: Path, dice: Dice) -> None:
    """Change some bytes of a file, cut it off, empty it, or write something else into it."""
    data = bytearray(path.read_bytes())
    how = dice.choice(["flip", "flip", "flip", "cut", "zero", "text", "more"])
    if how == "flip" and data:
        for _ in range(dice.choice([1, 1, 20])):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif how == "cut":
        del data[dice.randrange(len(data) + 1) :]
    elif how == "zero":
        start = dice.randrange(len(data) + 1)
        data[start : start + 64] = bytes(len(data[start : start + 64]))
    elif how == "more":
        data += dice.choice(TEXTS).encode()
    else:
        data = bytearray(dice.choice(TEXTS).encode())
    path.write_bytes(data)


def replaced(path: Path, dice: Dice) -> None:
    """Put something in the place of a file or folder that is not one, or nothing."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    how = dice.choice(["nothing", "nothing", "pipe", "folder", "file", "loop", "dangling"])
    if how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        (path / "below").mkdir(parents=True)
    elif how == "file":
        path.write_text(dice.choice(TEXTS))
    elif how in ("loop", "dangling"):
        path.symlink_to(path if how == "loop" else "nowhere")


def swapped(files: list[Path], dice: Dice) -> None:
    """Give two files each other's names, or one the content of another."""
    if len(files) > 1:
        one, other = dice.sample(files, 2)
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        if dice.random() < 0.5:
            other.write_bytes(first)


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink())


def state(folder: Path, dice: Dice, scene: Scene) -> None:
    """Damage states, or put those of other keys and runs in their place."""
    files = _files(folder, "latents/*.safetensors")
    how = dice.choice(["bytes", "bytes", "swap", "foreign", "replaced", "all"])
    if how == "swap":
        swapped(files, dice)
    elif how == "foreign":
        for path, other in zip(files, _files(dice.choice(scene.foreign), "latents/*.safetensors"), strict=False):
            shutil.copyfile(other, path)
    else:
        for path in files if how == "all" else dice.sample(files, min(2, len(files))):
            (replaced if how == "replaced" else bytes_changed)(path, dice)


def journal(folder: Path, dice: Dice, scene: Scene) -> None:
    """Damage lines, lose or shuffle them, or add those of other runs, in front, behind, or among them."""
    path = dice.choice(_files(folder, "outcomes/*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    if not lines:
        return bytes_changed(path, dice)
    how = dice.choice(
        ["bytes", "bytes", "lost", "shuffled", "twice", "foreign", "foreign", "forged", "odd", "replaced"]
    )
    if how == "bytes":
        bytes_changed(path, dice)
    elif how == "replaced":
        replaced(path, dice)
    elif how in ("foreign", "odd"):
        other = dice.choice(_files(dice.choice(scene.foreign), "outcomes/*.jsonl"))
        name = dice.choice(["00000-0", "00000-zz", "99999-zz", path.stem])
        data = other.read_bytes() if how == "foreign" else dice.choice(TEXTS).encode()
        (folder / f"outcomes/{name}.jsonl").write_bytes(data)
    elif how == "forged":  # another reward for a Move that is recorded, in a line that is sound by itself
        _forge(folder, dice.choice(lines), dice, scene)
    else:
        if how == "lost":
            del lines[dice.randrange(len(lines))]
        elif how == "twice":
            lines += dice.choices(lines, k=3)
        dice.shuffle(lines)
        path.write_bytes(b"".join(lines))
    return None


def _forge(folder: Path, line: bytes, dice: Dice, scene: Scene) -> None:
    outcome = Outcome.from_json(json.loads(line)["outcome"])
    other = replace(outcome, reward=outcome.reward + 1, rewards={k: v + 1 for k, v in outcome.rewards.items()})
    if dice.random() < 0.3:
        other = replace(outcome, log_ratio=outcome.log_ratio - 1)
    manifest = json.loads((scene.whole / "manifest.json").read_text())
    apart = Journal(str(folder / "apart"), manifest)
    apart.record(other)
    (made,) = _files(folder, "apart/outcomes/*.jsonl")
    made.rename(folder / f"outcomes/{dice.choice(['00000-0', '99999-z'])}.jsonl")
    shutil.rmtree(folder / "apart")


def manifest(folder: Path, dice: Dice, scene: Scene) -> None:
    """Damage the manifest, take it away, or put that of another run in its place."""
    path = folder / "manifest.json"
    how = dice.choice(["bytes", "bytes", "replaced", "foreign"])
    if how == "foreign":
        shutil.copyfile(dice.choice(scene.foreign) / "manifest.json", path)
    else:
        (replaced if how == "replaced" else bytes_changed)(path, dice)


def film(folder: Path, dice: Dice, scene: Scene) -> None:
    """Damage films and the JSON files beside them, in films/ and in best/."""
    files = _files(folder, "films/*/*") + _files(folder, "best/*")
    if not files:
        return state(folder, dice, scene)
    how = dice.choice(["bytes", "bytes", "bytes", "swap", "replaced", "foreign"])
    if how == "swap":
        suffix = dice.choice([".mp4", ".json"])
        swapped([path for path in files if path.suffix == suffix], dice)
    elif how == "foreign":
        other = dice.choice(_files(dice.choice(scene.foreign), "films/*/*.mp4"))
        shutil.copyfile(other, dice.choice([path for path in files if path.suffix == ".mp4"]))
    else:
        for path in dice.sample(files, min(2, len(files))):
            (replaced if how == "replaced" else bytes_changed)(path, dice)
    return None


def other_file(folder: Path, dice: Dice, scene: Scene) -> None:
    """Damage what else lies in the folder, or add what does not belong there."""
    names = ["config.yaml", "events.jsonl", "result.json", "report.html", "lease.json"]
    path = folder / dice.choice(names)
    if not path.exists():
        path.write_text(dice.choice(TEXTS))
    how = dice.choice(["bytes", "replaced", "foreign", "leftover"])
    if how == "foreign" and (other := dice.choice(scene.foreign) / path.name).is_file():
        shutil.copyfile(other, path)
    elif how == "leftover":
        for name in ("latents/.x.safetensors.1-2.partial", ".result.json.1-2.partial", "outcomes/.nfs0001"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("half")
    else:
        (replaced if how == "replaced" else bytes_changed)(path, dice)


def structure(folder: Path, dice: Dice, scene: Scene) -> None:
    """Put something in the place of a folder of the run."""
    there = [path for name in ("outcomes", "latents", "films", "best") if (path := folder / name).exists()]
    replaced(dice.choice(there), dice)


def several(folder: Path, dice: Dice, scene: Scene) -> None:
    """Two or three damages at once."""
    for _ in range(dice.choice([2, 3])):
        damage = dice.choice([state, film, other_file, journal])
        if damage is not journal or _files(folder, "outcomes/*.jsonl"):
            damage(folder, dice, scene)


KINDS = {k.__name__.replace("_", " "): k for k in (state, journal, manifest, film, other_file, structure, several)}


# ---- judging ------------------------------------------------------------------------------------------------------


def judge(folder: Path, scene: Scene, said_in: Path, limit: float = LIMIT_S) -> tuple[str, str]:
    """The verdict on a folder, and what was printed: gives the command of the run again, in a fork."""
    status, said = forked(lambda: _run(scene.job, folder, []), said_in, limit)
    if status is None:
        return "hang", said
    if "Traceback" in said:
        return "traceback", said
    if status not in (0, 1, 2):
        return "crash", said
    if status:
        told = [line for line in said.splitlines() if line.startswith("raysearch: ")]
        return ("clear" if told and all(len(line) < 1000 for line in told) else "traceback"), said
    wrong = differences(folder, scene.whole)
    return ("silently wrong", f"{wrong}: {said}") if wrong else ("right", said)


def judge_report(folder: Path, said_in: Path, limit: float = LIMIT_S) -> tuple[str, str]:
    """The verdict on the report of a folder: a page, or one line that says why there is none."""
    status, said = forked(lambda: command_line(["report", str(folder)]), said_in, limit)
    if status is None or "Traceback" in said or status not in (0, 2):
        return ("hang" if status is None else "traceback" if "Traceback" in said else "crash"), said
    lines = [line for line in said.splitlines() if line.startswith("raysearch: ")]
    return ("right" if status == 0 else "clear" if len(lines) == 1 else "traceback"), said


def differences(folder: Path, whole: Path) -> list[str]:
    """What of the results in a folder is not as in the undisturbed run; films that it does not have do no harm."""
    wrong = []
    if _hash(folder) != _hash(whole):
        wrong.append("hash")
    for pattern in ("films/*/*.mp4", "films/*/*.json", "best/*"):
        one, other = ({p.relative_to(f): p.read_bytes() for p in _files(f, pattern)} for f in (folder, whole))
        wrong += [f"{path}" for path in other if one.get(path) != other[path]]
        if pattern == "best/*":
            wrong += [f"{path} too many" for path in one if path not in other]
    return wrong + [str(path) for path in folder.rglob("*.partial")]


def _hash(folder: Path) -> str | None:
    try:
        return json.loads((folder / "result.json").read_text())["hash"]
    except (OSError, ValueError, KeyError):
        return None


def fuzz(count: int, seed: int) -> Table:
    """Judge that many broken folders, kind by kind in turn."""
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        made = scene(root)
        for number in range(count):
            kind = list(KINDS)[number % len(KINDS)]
            dice = random.Random(f"{seed} {number}")
            folder = root / "run"
            shutil.copytree(dice.choice([made.whole, *made.killed]), folder)
            KINDS[kind](folder, dice, made)
            verdicts = {f"report: {kind}": judge_report(folder, root / "said")} if number % 3 == 0 else {}
            verdicts[kind] = judge(folder, made, root / "said")
            for what, (verdict, said) in verdicts.items():
                table.add(what, verdict, f"case {number}: ...{said[-600:]}")
                if verdict not in GOOD:
                    print(f"{what}: {verdict}: case {number} of seed {seed}", file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
    return table


if __name__ == "__main__":
    raise SystemExit(command(fuzz, __doc__ or "", 300))
