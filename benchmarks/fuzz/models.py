"""Broken model folders, seeded: each is loaded as it was, or refused in one line, within seconds.

    python -m benchmarks.fuzz.models [--count 100] [--seed 0]

The models that ship with raysearch are copied, damaged and loaded, each in a fork of its own with a time limit. A
folder that loads is right if every tensor is that of the whole model, and silently wrong if its weights were damaged
and yet it loads with others. Settings that another model of the class could have are not told from the right ones.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from benchmarks.fuzz.table import GOOD, Table, command
from raysearch.errors import UsageError

LIMIT_S = 120.0
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


def judge(kind: str, folder: Path, whole: str, weights_damaged: bool, out: Path) -> tuple[str, str]:
    """The verdict on a folder, and what was said. Loads it in a fork."""
    out.write_text("")
    pid = os.fork()
    if not pid:
        os._exit(_child(kind, folder, out))
    began = time.monotonic()
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() - began > LIMIT_S:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return "hang", ""
        time.sleep(0.01)
    said = out.read_text(errors="replace")
    if os.WIFSIGNALED(ended[1]):
        return "crash", said
    code = os.WEXITSTATUS(ended[1])
    if code == 0:
        return ("silently wrong" if weights_damaged and said != whole else "right"), said
    return ("clear" if code == 2 and "\n" not in said.strip() and len(said) < 1500 else "traceback"), said


def _child(kind: str, folder: Path, out: Path) -> int:
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            digest = load(kind, folder)
        out.write_text(digest)
        return 0
    except UsageError as error:
        out.write_text(str(error), errors="replace")
        return 2
    except BaseException:
        out.write_text(traceback.format_exc(), errors="replace")
        return 99


def fuzz(count: int, seed: int) -> Table:
    """Judge the given number of broken folders."""
    import diffusers  # noqa: F401  # once here, not in every fork
    import torch
    import transformers  # noqa: F401

    import raysearch.tinyworld.codec  # noqa: F401  # so that diffusers finds the class of the shipped autoencoder
    from raysearch.tinyworld import weights

    torch.set_num_threads(1)
    dice, table = random.Random(seed), Table()
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out.txt"
        whole: dict[str, str] = {}
        for k in range(count):
            kind, damage = dice.choice(sorted(MODELS)), sorted(DAMAGES)[k % len(DAMAGES)]
            source = Path(weights(MODELS[kind]))
            if kind not in whole:
                verdict, whole[kind] = judge(kind, source, "", False, out)
                assert verdict == "right", whole[kind]
            folder = Path(shutil.copytree(source, Path(name) / f"model{k}"))
            DAMAGES[damage](folder, dice)
            verdict, said = judge(kind, folder, whole[kind], damage not in HARMLESS, out)
            shutil.rmtree(folder)
            table.add(f"{kind}: {damage}", verdict, f"{k}: ...{said[-600:]}")
            if verdict not in GOOD:
                print(f"{kind}: {damage} {k}: {verdict}: {said[-1200:]}", file=sys.stderr, flush=True)
    return table


if __name__ == "__main__":
    raise SystemExit(command(fuzz, __doc__ or "", 100))
