"""Generators: what makes videos. Importing this loads no model library."""

from __future__ import annotations

from raysearch.config.settings import GeneratorConfig
from raysearch.generators import custom
from raysearch.generators.contract import Factory, Generator, Model, Path
from raysearch.names import lookup

__all__ = ["Factory", "Generator", "Model", "Path", "factory", "load"]


def load(config: GeneratorConfig, device: str = "cpu") -> Model:
    """Load the model that a job names.

    Raises:
        UsageError: for an unknown generator, and for a model that cannot be loaded or cannot do what the job asks.
    """
    return factory(config.name)(config, device)


def factory(name: str) -> Factory:
    """The function that makes the model: that of `diffusers`, or a custom one, named `package.module:function`.

    Raises:
        UsageError: if there is none of that name.
    """
    if ":" not in name:
        return lookup("generator.name: generator", name, GENERATORS)
    return custom.factory(name)


found = factory  # the former name


def _diffusers(config: GeneratorConfig, device: str) -> Model:
    if config.chunks > 1:
        from raysearch.generators.chunked import ChunkedModel

        return ChunkedModel.load(config, device)
    from raysearch.generators.diffusers import DiffusersModel

    return DiffusersModel.load(config, device)


def _api(config: GeneratorConfig, device: str) -> Model:
    from raysearch.generators.api.model import ApiModel

    return ApiModel(config)


GENERATORS: dict[str, Factory] = {"diffusers": _diffusers, "api": _api}
