"""What makes candidates cheaper: adapters, fewer bits, attention backends, offloading, previews. See docs/fast.md.

`check` refuses what a model cannot do before anything is loaded, `pin` fixes what comes from the hub to its commit,
`files` names what results depend on. Importing this loads neither torch nor diffusers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.cheaper import adapters, placement, preview, quantization
from raysearch.generators.declare import Config
from raysearch.pretrained import single

KEYS = ("lora", "quantization", "attention", "layerwise_casting", "offload", "preview")


def refuse(config: GeneratorConfig) -> None:
    """Raise UsageError for these settings beside a generator that is no pipeline of diffusers."""
    for key in KEYS:
        if getattr(config, key):
            raise UsageError(
                f"generator.{key}: generator.name={config.name!r} does not take it, only diffusers does; leave it out"
            )


def check(config: GeneratorConfig, index: Config, pipeline: str, config_of: Callable[[str], Config]) -> None:
    """Check all of them before anything is loaded.

    Args:
        config: the generator's settings.
        index: the model_index.json of the model.
        pipeline: the class of its pipeline.
        config_of: gives the configuration of a part.

    Raises:
        UsageError: for what the model, the installed packages or the files given cannot do.
    """
    from raysearch.generators.parts import class_name, class_of

    def network_of(part: str) -> Any:
        return adapters.empty(class_of(class_name(index, part)), config_of(part))

    preview.check(config, class_name(index, "vae"), config_of("vae"))
    quantization.check(config, index)
    for one in adapters.read(config):
        if one.fused and one.part in config.quantization:
            raise UsageError(
                f"{one.key}.fused=true: the weights of {one.part} are quantised and cannot take an adapter in; set "
                "fused=false"
            )
    adapters.check(config, index, pipeline, network_of)
    placement.check(config, index, network_of)


def check_device(config: GeneratorConfig, device: str) -> None:
    """Raise UsageError for what needs a GPU on a device that is none."""
    quantization.check_device(config, device)
    placement.check_device(config, device)


def files(config: GeneratorConfig) -> list[Path]:
    """The files that results depend on, beside the model."""
    decoder = preview.located(config)
    named = [one.file() for one in adapters.read(config)] + list(quantization.files(config).values())
    return [*named, decoder] if decoder is not None else named


def pin(config: GeneratorConfig) -> GeneratorConfig:
    """The settings with every file of the hub at the commit that its revision stands for now."""
    changed: dict[str, Any] = {}
    file = preview.located(config)
    if file is not None and (commit := single.commit(file)):
        changed["preview"] = {**config.preview, "revision": commit}
    if given := adapters.read(config):
        changed["lora"] = [_pinned(asdict(one), single.commit(one.file())) for one in given]
    if fetched := quantization.files(config):
        changed["quantization"] = {
            part: _pinned(entry, single.commit(fetched[part]) if part in fetched else None)
            for part, entry in config.quantization.items()
        }
    return replace(config, **changed) if changed else config


def _pinned(entry: dict[str, Any], commit: str | None) -> dict[str, Any]:
    kept = {name: value for name, value in entry.items() if name != "key" and value is not None}
    return {**kept, "revision": commit} if commit else kept
