"""What can be known to be wrong with a generator and its prompts before a model is loaded, from its model_index.json.

Of a model on the hub only that file is fetched. Loads neither torch nor diffusers.
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

from raysearch import pretrained
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import custom, families, inputs, memory
from raysearch.generators.declare import too_long
from raysearch.generators.layout import OVERLAP, layout
from raysearch.prompts import Prompt

INDEX = "model_index.json"
COMMIT = re.compile("[0-9a-f]{40}")


def check(config: GeneratorConfig, prompts: Iterable[Prompt]) -> None:
    """Check a generator and its prompts as far as is possible without loading the model.

    Args:
        config: the generator's settings.
        prompts: their conditioning files are read.

    Raises:
        UsageError: for a prompt that the pipeline class cannot do, a setting that the class or its autoencoder does
            not have, and a Python package that is missing.
    """
    if config.name != "diffusers":
        custom.check(config, prompts)
        return
    pipeline, call, index = pipeline_class(config), config.pipeline_call(), _index(config)
    pretrained.check_pipeline_files(str(_folder(config)), "generator.model")
    memory.check(config, str((index.get("vae") or [None, None])[1]))
    inputs.check_call(pipeline, config.chunks, call)
    if config.chunks > 1 and call.get("num_frames"):
        layout(call["num_frames"], config.chunks, call.get("overlap_history") or OVERLAP, call.get("base_num_frames"))
    for prompt in prompts:
        given = inputs.frame_count(prompt, config.fps, call.get("num_frames"))
        cls = inputs.with_same_weights(pipeline, given, index)
        inputs.check(families.of(cls), given, prompt.id)
        inputs.check_packages(cls, inputs.encodes_text(cls, call))
        if given > 1 and given >= (call.get("num_frames") or given + 1):
            raise too_long(prompt.id, given, call["num_frames"])


def pin(config: GeneratorConfig) -> GeneratorConfig:
    """The settings with the commit that the revision stands for now, because a branch moves.

    Folders, shipped models and custom generators have no revision and are returned as they are. Where the commit is
    not known, a warning says so.
    """
    if config.name != "diffusers" or config.model in families.MODELS or Path(config.model).expanduser().is_dir():
        return config
    commit = _fetch(config.model, config.revision).parent.name  # .../snapshots/COMMIT/model_index.json
    if COMMIT.fullmatch(commit):
        return replace(config, revision=commit)
    warnings.warn(
        f"generator.model={config.model!r}: the commit of revision {config.revision or 'main'} is not known, so the "
        "run is not pinned to it",
        stacklevel=2,
    )
    return config


def pipeline_class(config: GeneratorConfig) -> str:
    """Name of the class that the model names: of diffusers, or (with trust_remote_code) one that it brings."""
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


def _folder(config: GeneratorConfig) -> Path:
    """The folder of the model; of one on the hub, a path that does not exist."""
    shipped = families.MODELS.get(config.model)
    return shipped.folder() if shipped else Path(config.model).expanduser()


def _index(config: GeneratorConfig) -> dict[str, Any]:
    folder = _folder(config)
    file = folder / INDEX if folder.is_dir() else _fetch(config.model, config.revision)
    if not file.is_file():
        raise UsageError(
            f"generator.model={config.model!r}: the folder holds no {INDEX}; give one that save_pretrained wrote"
        )
    index: dict[str, Any] = json.loads(file.read_text())
    return index


@lru_cache(maxsize=64)
def _fetch(model: str, revision: str | None) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(model, INDEX, revision=revision))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(
            f"generator.model={model!r}: no folder of that name, and the hub does not give it ({reason})"
        ) from None
