"""Broken model folders, seeded: each is loaded as it was, or refused in one line, within seconds.

    python -m benchmarks.fuzz.models [--count 100] [--seed 0]

The models that ship with raysearch are copied, damaged and loaded, each in a process of its own with a time limit. A
folder that loads is right if every tensor is that of the whole model, and silently wrong if its weights were damaged
and yet it loads with others. Settings that another model of the class could have are not told from the right ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from benchmarks.fuzz.forks import Ended, Way, prepare, single, ways
from benchmarks.fuzz.table import SHARE, Table, command, sampled

LIMIT_S = 120.0
TOO_LONG = 9  # exit code: a refusal of more than one line, or a very long one
MODELS = {"generator": "generator", "vjepa2": "worldmodel", "videomae": "videomae"}  # and their shipped weights
VALUES: list[Any] = [None, -1, 0, 10**12, "x", [], {}, True, 1.5, "../..", [[]], float("nan")]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n"
Damage = Callable[[Path, random.Random], None]


def tensors(change: Callable[[dict[str, Any], random.Random], dict[str, Any]]) -> Damage:
    """A damage to the tensors of a file, which stays well formed."""

    def damage(folder: Path, dice: random.Random) -> None:
        from safetensors.torch import load_file, save_file

        file = dice.choice(sorted(folder.rglob("*.safetensors")))
        save_file(change(load_file(file), dice), file, {"format": "pt"})

    return damage


def _dropped(held: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    lost = set(dice.sample(sorted(held), dice.choice([1, 2, len(held) // 2, len(held)])))
    return {k: v for k, v in held.items() if k not in lost}


def _renamed(held: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    name = dice.choice(sorted(held))
    return {f"{k}{dice.choice('x._')}" if k == name else k: v for k, v in held.items()}


def _reshaped(held: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    name = dice.choice(sorted(k for k, v in held.items() if v.numel() > 1))
    return held | {name: held[name].flatten()[:-1].clone()}


def _added(held: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    return held | {"extra.weight": next(iter(held.values())).clone()}


def header(folder: Path, dice: random.Random) -> None:
    """Bytes in the header of a file of weights changed."""
    file = dice.choice(sorted(folder.rglob("*.safetensors")))
    data = bytearray(file.read_bytes())
    end = 8 + int.from_bytes(data[:8], "little")
    for _ in range(dice.choice([1, 1, 20])):
        data[dice.randrange(end)] = dice.randrange(256)
    file.write_bytes(bytes(data))


def cut(folder: Path, dice: random.Random) -> None:
    """A file cut short, emptied, or replaced by a git-lfs pointer."""
    file = dice.choice(sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in (".json", ".safetensors")))
    data = file.read_bytes()
    file.write_bytes(dice.choice([data[: dice.randrange(len(data))], b"", POINTER]))


def gone(folder: Path, dice: random.Random) -> None:
    """A file or folder absent, or something else in its place."""
    path = dice.choice(sorted(folder.rglob("*")))
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    other = dice.choice(["nothing", "folder", "loop", "fifo"])
    if other == "folder":
        path.mkdir()
    elif other == "loop":
        path.symlink_to(path.name)
    elif other == "fifo":
        os.mkfifo(path)


def setting(folder: Path, dice: random.Random) -> None:
    """A value in a configuration replaced."""
    file = dice.choice(sorted(folder.rglob("*config.json")) + sorted(folder.glob("model_index.json")))
    values = json.loads(file.read_text())
    values[dice.choice(sorted(values))] = dice.choice(VALUES)
    file.write_text(json.dumps(values))


def text(folder: Path, dice: random.Random) -> None:
    """A configuration whose text is broken."""
    file = dice.choice(sorted(folder.rglob("*.json")))
    data = file.read_bytes()
    at = dice.randrange(len(data))
    file.write_bytes(data[:at] + dice.choice([b"\0", b"}", b'"', b"\xff\xfe", b"[" * 2000, b"NaN"]) + data[at:])


DAMAGES: dict[str, Damage] = {
    "dropped": tensors(_dropped), "renamed": tensors(_renamed), "reshaped": tensors(_reshaped),
    "added": tensors(_added), "header": header, "cut": cut, "gone": gone, "setting": setting, "text": text,
}  # fmt: skip
HARMLESS = ("setting", "text", "gone")  # may leave a model of other settings, whose weights are then its own


def load(kind: str, folder: Path) -> str:
    """Load a model as a job would; a digest of its tensors."""
    import raysearch.tinyworld.codec  # noqa: F401  # so that diffusers finds the class of the shipped autoencoder
    from raysearch import generators, rewards
    from raysearch.config.settings import GeneratorConfig
    from raysearch.generators import feasible

    if kind == "generator":
        config = GeneratorConfig(model=str(folder), steps=2, fps=8, num_frames=17, height=32, width=32)
        feasible.check(config, [])
        loaded: Any = generators.load(config)
        networks = [part for part in loaded.pipeline.components.values() if hasattr(part, "state_dict")]
    else:
        spec = {"name": kind, "model": str(folder)}
        rewards.check(spec)
        rewards.check_models(spec)
        networks = [v for v in vars(rewards.load(spec)).values() if hasattr(v, "state_dict")]
    total = hashlib.sha256()
    for network in networks:
        for name, tensor in sorted(network.state_dict().items()):
            total.update(name.encode() + tensor.detach().float().contiguous().numpy().tobytes())
    return total.hexdigest()


def loading(words: list[str]) -> int:
    """The command `--only KIND FOLDER`: loads a model, and prints the digest of its tensors or why it is refused."""
    from raysearch.errors import UsageError

    try:
        with redirect_stdout(sys.stderr):
            digest = load(words[-2], Path(words[-1]))
        print(digest)
        return 0
    except UsageError as error:
        print(f"raysearch: {error}", file=sys.stderr)
        return 2 if "\n" not in str(error).strip() and len(str(error)) < 1500 else TOO_LONG


FORK, FRESH = ways("benchmarks.fuzz.models", lambda: loading)


def judge(
    kind: str, folder: Path, whole: str, weights_damaged: bool, root: Path, way: Way | None = None
) -> tuple[str, Ended]:
    """The verdict on a folder, which another process loads, and how that ended."""
    ended = (way or FORK)(["--only", kind, str(folder)], root, LIMIT_S)
    if ended.code == TOO_LONG:
        return "traceback", ended
    if ended.code == 0 and not ended.fault and weights_damaged and ended.out.strip() != whole:
        return "silently wrong", ended
    return ended.fault or ("clear" if ended.code else "right"), ended


def fuzz(count: int, seed: int, share: float = SHARE) -> Table:
    """Judge the given number of broken folders."""
    from raysearch.tinyworld import weights

    dice, table = random.Random(seed), Table()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        sources = {kind: Path(weights(shipped)) for kind, shipped in MODELS.items()}
        prepare(lambda: max(loading([kind, str(source)]) for kind, source in sources.items()), root)
        whole = dict[str, str]()
        for kind, source in sources.items():
            verdict, ended = judge(kind, source, "", False, root)
            if verdict != "right":
                raise RuntimeError(f"the whole {kind} is not right: {verdict}: {ended.said}")
            whole[kind] = ended.out.strip()
        for k in range(count):
            kind, damage = dice.choice(sorted(MODELS)), sorted(DAMAGES)[k % len(DAMAGES)]
            folder = Path(shutil.copytree(sources[kind], root / f"model{k}"))
            DAMAGES[damage](folder, dice)
            case = kind, folder, whole[kind], damage not in HARMLESS, root
            first = judge(*case)
            table.add(f"{kind}: {damage}", first[0], f"{k}: ...{first[1].said[-1200:]}", shown=True)
            if sampled(seed, k, share):
                table.again(first, judge(*case, FRESH), f"{kind}: {damage} {k}")
            shutil.rmtree(folder)
    return table


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only"]:
        raise SystemExit(loading(sys.argv[1:]))
    single()
    raise SystemExit(command(fuzz, __doc__ or "", {"count": 100}, "models"))
