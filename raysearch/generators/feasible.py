"""What can be known to be wrong with a generator and its prompts before a model is loaded: its class is in its index.

Of a model on the hub only model_index.json is fetched. Loads neither torch nor diffusers.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError
from raysearch.generators import families, found, memory
from raysearch.generators.layout import OVERLAP, layout
from raysearch.prompts import Prompt, frames

INDEX = "model_index.json"
COMMIT = re.compile("[0-9a-f]{40}")


def check(config: Any, prompts: Iterable[Prompt]) -> None:
    """Raise UsageError for a prompt that the model's pipeline class cannot do, or a package it lacks.

    config: a `config.GeneratorConfig`. Reads the prompts' conditioning files.
    """
    if config.name != "diffusers":
        found(config.name)
        return
    pipeline, call, index = pipeline_class(config), config.pipeline_call(), _index(config)
    expands = bool(index.get("expand_timesteps"))
    memory.check(config, str((index.get("vae") or [None, None])[1]))
    families.check_chunks(pipeline, config.chunks, call)
    if config.chunks > 1 and call.get("num_frames"):
        layout(call["num_frames"], config.chunks, call.get("overlap_history") or OVERLAP, call.get("base_num_frames"))
    for prompt in prompts:
        given = 1 if prompt.image is not None else _count(prompt, config.fps)
        cls = families.with_same_weights(pipeline, given, expands)
        families.check(cls, given, prompt.id)
        families.check_packages(cls, families.encodes_text(cls, call))
        if given > 1 and given >= (call.get("num_frames") or given + 1):
            raise UsageError(families.TOO_LONG.format(prompt=prompt.id, given=given, total=call["num_frames"]))


def pin(config: Any) -> Any:
    """`config` with the commit that its revision stands for now; itself for a folder and for `tiny`.

    A branch is not a pin: it moves. Warns where the commit cannot be told.
    """
    if config.name != "diffusers" or config.model == "tiny" or Path(config.model).expanduser().is_dir():
        return config
    commit = _fetch(config.model, config.revision).parent.name  # .../snapshots/COMMIT/model_index.json
    if COMMIT.fullmatch(commit):
        return replace(config, revision=commit)
    warnings.warn(
        f"generator.model={config.model!r}: the commit of revision {config.revision or 'main'} cannot be told, so the "
        "run is not pinned to it",
        stacklevel=2,
    )
    return config


def pipeline_class(config: Any) -> str:
    """Name of the class that the model names: of diffusers, or (trust_remote_code) one that it brings."""
    name = _index(config).get("_class_name")
    if isinstance(name, list) and len(name) == 2:
        if config.trust_remote_code is not True:
            raise UsageError(
                f"generator.model={config.model!r} brings its own code, {'.'.join(map(str, name))}; read it, and if it "
                "may run here, set generator.trust_remote_code=true"
            )
        name = name[1]
    if not isinstance(name, str):
        raise UsageError(f"generator.model={config.model!r}: its {INDEX} names no pipeline class")
    return name


def _index(config: Any) -> dict[str, Any]:
    folder = Path(config.model).expanduser()
    if config.model == "tiny":
        from raysearch.tinyworld import weights

        folder = Path(weights("generator"))
    file = folder / INDEX if folder.is_dir() else _fetch(config.model, config.revision)
    if not file.is_file():
        raise UsageError(
            f"generator.model={config.model!r}: the folder holds no {INDEX}; give one that save_pretrained wrote"
        )
    return json.loads(file.read_text())


@lru_cache(maxsize=64)
def _fetch(model: str, revision: str | None) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(model, INDEX, revision=revision))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        told = str(error).strip().splitlines()[0]
        raise UsageError(
            f"generator.model={model!r}: no folder of that name, and the hub does not give it ({told})"
        ) from None


def _count(prompt: Prompt, fps: float | None) -> int:
    clip = frames(prompt, fps)
    return 0 if clip is None else len(clip)
