"""Generators: what makes videos. Importing this loads no model library."""

from __future__ import annotations

from raysearch.config.settings import GeneratorConfig
from raysearch.generators import custom, draws
from raysearch.generators.contract import Encoding, Factory, Generator, Model, Path
from raysearch.names import lookup

__all__ = ["Factory", "Generator", "Model", "Path", "factory", "hands_over", "load"]


def load(config: GeneratorConfig, device: str = "cpu", encoders: bool = True) -> Model:
    """Load the model that a job names.

    Args:
        config: the generator's settings.
        device: by its name in torch.
        encoders: whether what encodes prompts is loaded at once, of a model that can load it later (contract.Encoding).

    Raises:
        UsageError: for an unknown generator, and for a model that cannot be loaded or cannot do what the job asks.
    """
    model = factory(config.name)(config, device)
    if encoders and isinstance(model, Encoding):
        model.load_encoders()
    return model if config.draw is None else draws.planned(model, config.draw)


def factory(name: str) -> Factory:
    """The function that makes the model: of `diffusers`, of a name in custom.OWN, or `package.module:function`.

    Raises:
        UsageError: if there is none of that name.
    """
    if ":" not in name:
        lookup("generator.name: generator", name, dict.fromkeys((*GENERATORS, *custom.OWN)))
    if name in GENERATORS:
        return GENERATORS[name]
    return custom.factory(name)


found = factory  # the former name


def hands_over(config: GeneratorConfig) -> bool:
    """Whether the conditions of a prompt can be computed by one process and used by all (contract.Encoding)."""
    return config.name in GENERATORS or bool(getattr(custom.function(config.name), "conditions", False))


def _diffusers(config: GeneratorConfig, device: str) -> Model:
    if config.chunks > 1:
        from raysearch.generators.chunked import ChunkedModel

        return ChunkedModel.load(config, device)
    from raysearch.generators.diffusers import DiffusersModel

    return DiffusersModel.load(config, device)


GENERATORS: dict[str, Factory] = {"diffusers": _diffusers}
