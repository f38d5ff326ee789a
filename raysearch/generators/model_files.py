"""The small files of a model of diffusers: its index, and the configurations of its parts.

Of a model on the hub they alone are fetched. A modular pipeline has an index of another name, whose entries say more;
here both read alike: the library and the class of each part. Loads neither torch nor diffusers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raysearch import pretrained
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import families, memory, parts
from raysearch.generators.magi1.folder import is_magi1
from raysearch.pretrained import hub
from raysearch.pretrained.modular import INDEX as MODULAR
from raysearch.pretrained.modular import is_part, library_and_class

INDEX = "model_index.json"
KEY = "generator.model"


def pipeline_class(config: GeneratorConfig) -> str:
    """Name of the class that the model names: of diffusers, or (with trust_remote_code) one that it brings."""
    name = model_index(config).get("_class_name")
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


def is_here(config: GeneratorConfig) -> bool:
    """Whether the configurations of the model can be read without asking the hub."""
    if folder(config).is_dir():
        return True

    def fetched(name: str) -> bool:
        return hub.fetched(config.model, name, config.revision) is not None

    return any(map(fetched, (INDEX, MODULAR))) and all(map(fetched, ("vae/config.json", "transformer/config.json")))


def autoencoder(index: Mapping[str, Any]) -> str:
    """The name of the class of the autoencoder."""
    return parts.class_name(index, "vae")


def configs(config: GeneratorConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """The configurations of the autoencoder and of the network; empty where there is none."""
    index = model_index(config)
    network = next((name for name in memory.NETWORKS if parts.class_name(index, name)), "transformer")
    return config_of(config, "vae"), config_of(config, network)


def config_of(config: GeneratorConfig, part: str, file_name: str = "config.json") -> dict[str, Any]:
    """The configuration of a part; empty where there is none."""
    here, name = folder(config), f"{part}/{file_name}"
    file = here / name if here.is_dir() else hub.fetch(config.model, name, KEY, config.revision, optional=True)
    return pretrained.config(file, config.model, KEY) if file is not None and file.is_file() else {}


def scheduler(config: GeneratorConfig) -> dict[str, Any]:
    """The configuration of the scheduler; empty where there is none."""
    return config_of(config, "scheduler", "scheduler_config.json")


def folder(config: GeneratorConfig) -> Path:
    """The folder of the model; of one on the hub, a path that does not exist."""
    shipped = families.MODELS.get(config.model)
    return shipped.folder() if shipped else Path(config.model).expanduser()


def index_file(config: GeneratorConfig) -> Path:
    """The file that names the class of the pipeline and its parts. Raises UsageError for a model without one."""
    here = folder(config)
    known = here.is_dir() or hub.fetched(config.model, INDEX, config.revision) is not None
    alone = not known and hub.fetched(config.model, MODULAR, config.revision) is not None  # of what was fetched before
    for name in (MODULAR,) if alone else (INDEX, MODULAR):
        file = here / name if here.is_dir() else hub.fetch(config.model, name, KEY, config.revision, optional=True)
        if file is not None and file.is_file():
            return file
    if not here.is_dir() and (file := hub.fetch(config.model, INDEX, KEY, config.revision)) is not None:
        return file  # unless the hub says why not
    remedy = "set generator.name=magi1" if is_magi1(config.model) else "give one that save_pretrained wrote"
    raise UsageError(f"{KEY}={config.model!r}: the folder holds no {INDEX}; {remedy}")


def model_index(config: GeneratorConfig) -> dict[str, Any]:
    """What the index says, every part as [library, class]. Raises UsageError for a model without one."""
    index = pretrained.config(index_file(config), config.model, KEY)
    return {name: library_and_class(value) if is_part(value) else value for name, value in index.items()}
