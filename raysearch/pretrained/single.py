"""Single files of weights, on this machine or on the hub, and what their headers say; adapters are loaded from here.

Importing this loads no other library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError
from raysearch.pretrained import hub
from raysearch.pretrained.files import damage

SAFE = ".safetensors"
COMMIT = re.compile("[0-9a-f]{40}")


def locate(
    model: str, key: str, name: str | None = None, revision: str | None = None, suffix: str = SAFE, usual: str = ""
) -> Path:
    """Where a file of weights is on this machine, fetched from the hub if need be.

    Args:
        model: a file, a folder, a hub id, or a file on the hub, owner/name/file.
        key: the key of the job that names the model; messages begin with it.
        name: the file in the folder or on the hub.
        revision: of a hub id.
        suffix: what the name of the file must end with.
        usual: the file of a hub id where no name is given; without it a name is needed.

    Raises:
        UsageError: for a file that is absent, damaged or of another kind, and for what the hub refuses.
    """
    here = Path(model).expanduser()
    if here.is_dir():
        file = here / name if name else _only(here, model, key, suffix)
    elif here.is_file() or model.startswith((".", "/", "~")):
        file = here
    else:
        owner, inside = "/".join(model.split("/")[:2]), name or "/".join(model.split("/")[2:]) or usual
        if not inside:
            raise UsageError(
                f"{key}={model!r}: no file of that name here, and of a hub id say which file, owner/name/FILE{suffix}"
            )
        _of_kind(Path(inside), model, key, suffix)
        return hub.fetch(owner, inside, key, revision) or file_absent(model, key, inside)
    if not file.is_file():
        file_absent(model, key, str(name or file.name))
    _of_kind(file, model, key, suffix)
    if suffix == SAFE and (fault := damage(file)):
        raise UsageError(f"{key}={model!r}: {file.name} {fault}; fetch it again")
    return file


def file_absent(model: str, key: str, name: str) -> Path:
    """Raises the UsageError for a file that is not there."""
    raise UsageError(f"{key}={model!r}: there is no file {name}; give a file, a folder with one, or a hub id")


def _only(folder: Path, model: str, key: str, suffix: str) -> Path:
    files = sorted(file.name for file in folder.glob(f"*{suffix}"))
    if len(files) == 1:
        return folder / files[0]
    raise UsageError(
        f"{key}={model!r}: the folder holds {len(files)} files *{suffix}"
        + (f" ({', '.join(files[:3])})" if files else "")
        + "; name the one that is meant"
    )


def _of_kind(file: Path, model: str, key: str, suffix: str) -> None:
    if file.suffix != suffix:
        raise UsageError(f"{key}={model!r}: {file.name} is no {suffix} file; weights are read from that kind alone")


def commit(file: Path) -> str | None:
    """The commit of a file in the cache of the hub, .../snapshots/COMMIT/...; None of another."""
    parts = file.parts
    at = len(parts) - 1 - parts[::-1].index("snapshots") if "snapshots" in parts else -1
    name = parts[at + 1] if 0 <= at < len(parts) - 1 else ""
    return name if COMMIT.fullmatch(name) else None


def shapes(file: Path) -> Mapping[str, tuple[int, ...]]:
    """The shape of every tensor of a safetensors file, by name, from its header."""
    with file.open("rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
    return {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}


def adapter(pipeline: Any, file: Path, name: str, **options: Any) -> None:
    """Put the LoRA adapter of a safetensors file into a pipeline of diffusers, under a name; nothing else is read.

    Whether the file holds all that the network will have of it is for the caller to check: peft fills what is absent
    with random numbers.

    Args:
        pipeline: with the methods of diffusers' LoRA mixins.
        file: of safetensors, as `locate` finds it.
        name: of the adapter in the pipeline.
        options: further arguments of load_lora_weights.

    Raises:
        Exception: those of diffusers and peft.
    """
    pipeline.load_lora_weights(
        str(file.parent), weight_name=file.name, adapter_name=name, use_safetensors=True, **options
    )
