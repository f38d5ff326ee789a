"""The files of a model's folder, looked at before a library opens them: damaged, absent, or no files at all; and the
report of a library that has read them.

Importing this loads no other library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError

CONFIG = "config.json"
LFS = b"version https://git-lfs"
SHOWN = 3  # names of tensors in a message
POSITIONS, ROTARY = r"(^|\.)embeddings\.position_ids$", r"(^|\.)rotary(_pos)?_emb\.inv_freq$"
# Expected exceptions: tensors that checkpoints of older releases hold and that networks of these families compute now,
# by how the names of their classes begin. What the libraries' own classes declare to be tied, computed or ignored, such
# as the shared embedding of T5, is left out of their loading reports already.
COMPUTED: Mapping[str, str] = {
    "CLIP": POSITIONS, "Siglip": POSITIONS, "XCLIP": POSITIONS, "Bert": POSITIONS,
    "Llama": ROTARY, "Llava": ROTARY, "Qwen": ROTARY, "Gemma": ROTARY, "T5Gemma": ROTARY, "Mistral": ROTARY,
}  # fmt: skip


def check_files(folder: Path, model: str, key: str, part: str = "") -> None:
    """Raise UsageError for a file of a folder that is damaged or absent, or no file at all.

    Weights must be as long as their headers say, and configurations be JSON. Of weights only the headers are read. A
    path that is no folder, such as a hub id, passes.
    """
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if not path.is_file() and (not path.is_dir() or path.suffix in (".json", ".safetensors", ".txt", ".model")):
            raise UsageError(
                f"{key}={model!r}{of(part)}: {path.name} is no file (a folder, a pipe or a link to nothing); fetch the "
                "model again"
            )
        if path.suffix == ".json" and path.is_file():
            _parsed(path, model, key, part)
    for index in sorted(folder.glob("*.safetensors.index.json")):
        for name in _shards(index, model, key, part):
            if not (folder / name).is_file():
                raise UsageError(
                    f"{key}={model!r}{of(part)}: {index.name} names {name}, which is absent; fetch the model again"
                )
    for file in sorted(folder.glob("*.safetensors")):
        if fault := damage(file):
            raise UsageError(f"{key}={model!r}{of(part)}: {file.name} {fault}; fetch the model again")


def _shards(index: Path, model: str, key: str, part: str) -> Iterable[str]:
    try:
        return sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{key}={model!r}{of(part)}: {index.name} is no index of weights; fetch it again") from None


def damage(file: Path) -> str:
    """What is wrong with a safetensors file as its header tells; empty if it is as long as the header says."""
    size = file.stat().st_size
    with file.open("rb") as f:
        start = f.read(8)
        if start == LFS[:8]:
            return "is a git-lfs pointer, not the weights (git lfs pull fetches them)"
        length = int.from_bytes(start, "little")
        if not size:
            return "is empty"
        if len(start) < 8 or length > size - 8:
            return f"is cut short or no safetensors file ({size} bytes)"
        try:
            header = json.loads(f.read(length))
            end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return "has a header that cannot be read"
    whole = 8 + length + end
    return "" if whole == size else f"is {'cut short' if size < whole else 'too long'} ({size} of {whole} bytes)"


def config(file: Path, model: str, key: str) -> dict[str, Any]:
    """The mapping of a configuration in JSON.

    Raises:
        UsageError: for a file that is absent, cannot be read or holds no mapping.
    """
    if not file.is_file():
        raise UsageError(f"{key}={model!r}: there is no {file.name} in it; give a folder that save_pretrained wrote")
    values = _parsed(file, model, key)
    if not isinstance(values, dict):
        raise UsageError(f"{key}={model!r}: {file.name} holds no mapping; fetch or save the model again")
    return values


def _parsed(file: Path, model: str, key: str, part: str = "") -> Any:
    """What a file of JSON holds. Raises UsageError for one that is none."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else one_line(error, 100)
        pointer = isinstance(error, ValueError) and file.read_bytes()[: len(LFS)] == LFS
        reason = "a git-lfs pointer; git lfs pull fetches the file" if pointer else reason
        raise UsageError(
            f"{key}={model!r}{of(part)}: {file.name} cannot be read ({reason}); fetch or save the model again"
        ) from None


def check_pipeline_files(model: str, key: str) -> None:
    """`check_files` for every part of a pipeline's folder; a hub id passes."""
    folder = Path(model)
    if folder.is_dir():
        check_files(folder, model, key)
        for part in sorted(p for p in folder.iterdir() if p.is_dir()):
            check_files(part, model, key, part.name)


def one_line(error: object, limit: int = 300) -> str:
    """A message of another library as one line."""
    return " ".join(str(error).split())[:limit]


def of(part: str) -> str:
    """The part of a pipeline in a message; empty for a model of one part."""
    return f", part {part}" if part else ""


def refuse_incomplete(report: Mapping[str, Any], network: str, model: str, key: str, part: str) -> None:
    """Raise UsageError unless the loading report says that every tensor was loaded and every one was wanted."""
    problems = []
    computed = next((pattern for family, pattern in COMPUTED.items() if network.startswith(family)), r"(?!)")
    for field, what in (("missing_keys", "missing"), ("mismatched_keys", "of another shape"),
                        ("unexpected_keys", "not those of the network")):  # fmt: skip
        names = sorted(str(entry[0] if isinstance(entry, (tuple, list)) else entry) for entry in report.get(field, ()))
        if field == "unexpected_keys":
            names = [name for name in names if not re.search(computed, name)]
        if names:
            more = ", ..." if len(names) > SHOWN else ""
            tensors = f"{len(names)} tensor{'s' * (len(names) > 1)}"
            problems.append(f"{tensors} {what} ({', '.join(names[:SHOWN])}{more})")
    problems += [one_line(error) for error in report.get("error_msgs") or ()]
    if problems:
        raise UsageError(
            f"{key}={model!r}{of(part)}: the weights are not whole: {'; '.join(problems)}; "
            "fetch or save the model again"
        )
