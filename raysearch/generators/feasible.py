"""What can be known to be wrong with a generator and its prompts before a model is loaded: its class is in its index.

Of a model on the hub only model_index.json is fetched. Loads neither torch nor diffusers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError
from raysearch.generators import families, found
from raysearch.prompts import Prompt, frames

INDEX = "model_index.json"


def check(config: Any, prompts: Iterable[Prompt]) -> None:
    """Raise UsageError for a prompt that the model's pipeline class cannot do, or a package it lacks.

    config: a `config.GeneratorConfig`. Reads the prompts' conditioning files.
    """
    if config.name != "diffusers":
        found(config.name)
        return
    pipeline, call = pipeline_class(config), config.pipeline_call()
    expands = bool(_index(config).get("expand_timesteps"))
    for prompt in prompts:
        given = 1 if prompt.image is not None else _count(prompt)
        cls = families.with_same_weights(pipeline, given, expands)
        families.check(cls, given, prompt.id)
        families.check_packages(cls, families.encodes_text(cls, call))
        if given > 1 and given >= (call.get("num_frames") or given + 1):
            raise UsageError(families.TOO_LONG.format(prompt=prompt.id, given=given, total=call["num_frames"]))


def pipeline_class(config: Any) -> str:
    """Name of the diffusers class that the model names."""
    name = _index(config).get("_class_name")
    if not isinstance(name, str):
        raise UsageError(f"generator.model={config.model!r}: its {INDEX} names no pipeline class")
    return name


def _index(config: Any) -> dict[str, Any]:
    folder = Path(config.model).expanduser()
    if config.model == "tiny":
        from raysearch.tinyworld import weights

        folder = Path(weights("generator"))
    file = folder / INDEX if folder.is_dir() else _fetch(config)
    if not file.is_file():
        raise UsageError(
            f"generator.model={config.model!r}: the folder holds no {INDEX}; give one that save_pretrained wrote"
        )
    return json.loads(file.read_text())


def _fetch(config: Any) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(config.model, INDEX, revision=config.revision))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        told = str(error).strip().splitlines()[0]
        raise UsageError(
            f"generator.model={config.model!r}: no folder of that name, and the hub does not give it ({told})"
        ) from None


def _count(prompt: Prompt) -> int:
    clip = frames(prompt)
    return 0 if clip is None else len(clip)
