"""Damages of a run folder, each drawn with dice: states, the journal, the manifest, films, other files, the structure.

A line of the journal that somebody rewrites together with its checksum is not tried: nothing but doing the Move again
can tell it from a true one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from raysearch.engine.journal import Journal
from raysearch.moves import Outcome

TEXTS = ["", "{", "[]", "null", "3", '"a"', "\0" * 40, "[" * 99999, "{}", '{"a": ' * 5000, "9" * 5000, "é", "- a\n: b",
         '{"crc": 0, "outcome": {"key": 3}}\n', '{"crc": 1e400}\n', "\ufeff{}", "a: &a [*a]\n"]  # fmt: skip
Dice = random.Random


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


def files_in(folder: Path, pattern: str) -> list[Path]:
    """The files that match, sorted, without links."""
    return sorted(path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink())


def state(folder: Path, dice: Dice, scene: Scene) -> None:
    """Damage states, or put those of other keys and runs in their place."""
    files = files_in(folder, "latents/*.safetensors")
    how = dice.choice(["bytes", "bytes", "swap", "foreign", "replaced", "all"])
    if how == "swap":
        swapped(files, dice)
    elif how == "foreign":
        for path, other in zip(files, files_in(dice.choice(scene.foreign), "latents/*.safetensors"), strict=False):
            shutil.copyfile(other, path)
    else:
        for path in files if how == "all" else dice.sample(files, min(2, len(files))):
            (replaced if how == "replaced" else bytes_changed)(path, dice)


def journal(folder: Path, dice: Dice, scene: Scene) -> None:
    """Damage lines, lose or shuffle them, or add those of other runs, in front, behind, or among them."""
    path = dice.choice(files_in(folder, "outcomes/*.jsonl"))
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
        other = dice.choice(files_in(dice.choice(scene.foreign), "outcomes/*.jsonl"))
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
    (made,) = files_in(folder, "apart/outcomes/*.jsonl")
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
    files = files_in(folder, "films/*/*") + files_in(folder, "best/*")
    if not files:
        return state(folder, dice, scene)
    how = dice.choice(["bytes", "bytes", "bytes", "swap", "replaced", "foreign"])
    if how == "swap":
        suffix = dice.choice([".mp4", ".json"])
        swapped([path for path in files if path.suffix == suffix], dice)
    elif how == "foreign":
        other = dice.choice(files_in(dice.choice(scene.foreign), "films/*/*.mp4"))
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
        if damage is not journal or files_in(folder, "outcomes/*.jsonl"):
            damage(folder, dice, scene)


KINDS = {k.__name__.replace("_", " "): k for k in (state, journal, manifest, film, other_file, structure, several)}
