"""What a model is, in a hash: its configuration and its weights. Part of every key: no result outlives a change."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from raysearch import rewards
from raysearch.canonical import digest, keyed
from raysearch.config.settings import GeneratorConfig
from raysearch.generators import cheaper, custom, draws, families, found
from raysearch.rewards import registry

WHOLE = 64 << 20  # bytes: files up to this size are hashed whole, of larger ones the size and both ends


def generator_fingerprint(config: GeneratorConfig, ranks: int = 1) -> str:
    """ranks: over how many processes a replica is split, which changes the last bits of what it makes."""
    if ranks > 1:
        return digest([ranks, generator_fingerprint(config)])
    drawn = [] if config.draw is None else [_source(draws.function(config.draw), config.draw)]
    shipped = families.MODELS.get(config.model)
    weights = _folder(str(shipped.folder())) if shipped else _weights(config.model, config.revision)
    if config.name != "diffusers":
        own = config.name if config.name in custom.OWN else _source(found(config.name), config.name)
        more = [_folder(path) if Path(path).is_dir() else _sha256(path) for path in custom.files(config)]
        return digest([keyed(config), own, weights, *more, *drawn])
    beside = [_sum(file) for file in cheaper.files(config)]
    return digest([keyed(config), weights, *beside, *drawn])


def rewards_fingerprint(specs: Sequence[Mapping[str, Any]]) -> str:
    """Specs, the weights they name (the shipped ones where that is the default), and the versions of plug-ins."""
    every = list(rewards.flat(specs))
    with_model = [s for s in every if s.get("model") or registry.shipped(s["name"])]
    parts = [registry.shipped(s["name"]) or "worldmodel" for s in with_model]
    weights = [_weights(s.get("model", "tiny"), s.get("revision"), p) for s, p in zip(with_model, parts, strict=True)]
    plugged = [version for s in every if (version := registry.version(s["name"]))]
    return digest([list(specs), weights, *plugged])


def _weights(model: str, revision: str | None, part: str = "") -> str:
    """Of a folder, its content; of a hub id, its revision."""
    if model == "tiny" and part:
        from raysearch.tinyworld import weights

        return _folder(str(weights(part)))
    if Path(model).is_dir():
        return _folder(str(Path(model).resolve()))
    return f"hub:{model}@{revision or 'main'}"  # a commit, where the caller has pinned it


def _source(make: Any, name: str) -> str:
    """Of a custom generator or draw: the file that holds its function."""
    file = inspect.getsourcefile(make)
    return _sha256(file) if file else name


def _sha256(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


@lru_cache(maxsize=32)
def _folder(path: str) -> str:
    sums = []
    for file in sorted(
        p for p in Path(path).rglob("*") if p.is_file() and p.suffix in (".json", ".safetensors", ".txt", ".py")
    ):
        sums.append([str(file.relative_to(path)), *_sum(file)])
    return digest(sums)


def _sum(file: Path) -> list[Any]:
    """Size and hash of a file; see WHOLE."""
    size = file.stat().st_size
    with file.open("rb") as f:
        data = f.read(WHOLE)
        if size > WHOLE:
            f.seek(-(1 << 20), 2)
            data = data[: 1 << 20] + f.read()
    return [size, hashlib.sha256(data).hexdigest()]
