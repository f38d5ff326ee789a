"""`generator.attention`, `generator.layerwise_casting`, `generator.offload`: how a network computes and where it lies.

diffusers' own offloading of whole parts ends with every pipeline call, and here a call is one step, so weights would
travel in each of them. `take_turns` moves a part when another one is needed instead: a Move makes its steps, then
decodes. Blocks and layers are offloaded by diffusers' group offloading, which knows no calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.declare import Config, Pipeline
from raysearch.generators.memory import NETWORKS
from raysearch.names import lookup
from raysearch.pretrained import one_line

FETCHED = "_hub"  # how the names of backends end whose code is fetched from the hub


def check(config: GeneratorConfig, index: Config, network_of: Callable[[str], Any]) -> None:
    """Check the settings before anything is loaded.

    Args:
        config: the generator's settings.
        index: the model_index.json of the model.
        network_of: gives a network of the model without weights, by the name of the part.

    Raises:
        UsageError: for a backend that is unknown, not installed, or none for this network; for settings that
            contradict each other, and for networks that cannot be offloaded.
    """
    from raysearch.generators.parts import class_name, class_of

    names = [name for name in NETWORKS if class_name(index, name)]
    if config.attention is not None:
        _check_attention(config, network_of(names[0]))
    both = [name for name in names if name in config.quantization]
    if config.layerwise_casting and both:
        raise UsageError(
            f"generator.layerwise_casting={config.layerwise_casting}: generator.quantization.{both[0]} keeps that "
            "network in fewer bits already; leave one of them out"
        )
    if config.offload and config.compile:
        raise UsageError(f"generator.offload={config.offload}: a compiled network stays where it is; set compile=false")
    for name in names if config.offload in ("sequential", "group") else ():
        cls = class_of(class_name(index, name))
        if not getattr(cls, "_supports_group_offloading", False):
            raise UsageError(
                f"generator.offload={config.offload}: diffusers cannot offload {cls.__name__} in parts; set "
                "offload=model"
            )


def _check_attention(config: GeneratorConfig, network: Any) -> None:
    from diffusers.models import attention_dispatch as dispatch

    key, kinds = f"generator.attention={config.attention}", {kind.value: kind for kind in dispatch.AttentionBackendName}
    kind = lookup("generator.attention: backend", config.attention or "", kinds)
    if kind.value.endswith(FETCHED) and config.trust_remote_code is not True:
        raise UsageError(
            f"{key}: runs code that is fetched from the hub; if it may run here, set generator.trust_remote_code=true"
        )
    if not any(hasattr(getattr(m, "processor", None), "_attention_backend") for m in network.modules()):
        raise UsageError(f"{key}: {type(network).__name__} takes no other attention; leave it out")
    try:
        dispatch._check_attention_backend_requirements(kind)
    except RuntimeError as error:
        raise UsageError(f"{key}: {one_line(error)}") from None


def check_device(config: GeneratorConfig, device: str) -> None:
    """Raise UsageError for offloading on a device from which nothing needs to be offloaded."""
    if config.offload and not device.startswith("cuda"):
        raise UsageError(
            f"generator.offload={config.offload}: this generator is on the CPU already; give it a GPU "
            "(cluster.generators.num_gpus=1), or leave offload out"
        )


def prepare(pipeline: Pipeline, config: GeneratorConfig) -> None:
    """Set attention and casting of the networks of a loaded pipeline, before they are placed."""
    import torch

    for network in networks(pipeline):
        if config.attention is not None:
            network.set_attention_backend(config.attention)
        if config.layerwise_casting is not None:
            network.enable_layerwise_casting(getattr(torch, config.layerwise_casting), network.dtype)


def networks(pipeline: Pipeline) -> list[Any]:
    """The networks of a pipeline that denoise."""
    return [network for name in NETWORKS if (network := getattr(pipeline, name, None)) is not None]


def offload(pipeline: Pipeline, config: GeneratorConfig, device: Any, rest: Any = "cpu") -> None:
    """Place networks and autoencoder as `generator.offload` says; the other parts are placed already.

    Args:
        pipeline: the loaded pipeline.
        config: the generator's settings.
        device: where they compute.
        rest: where they wait.
    """
    import torch

    device, rest = torch.device(device), torch.device(rest)
    if config.offload == "model":
        take_turns(pipeline, device, rest)
        return
    pipeline.vae.to(device)
    for network in networks(pipeline):
        if config.offload == "group":
            stream = device.type == "cuda"
            network.enable_group_offload(device, rest, "block_level", num_blocks_per_group=1, use_stream=stream)
        else:
            network.enable_group_offload(device, rest, "leaf_level")


def take_turns(pipeline: Pipeline, device: Any, rest: Any) -> None:
    """Keep on the device only that network, or the autoencoder, that was needed last; the others wait elsewhere."""
    here: list[Any] = []

    def enter(part: Any) -> None:
        if here and here[0] is part:
            return
        for other in here:
            other.to(rest)
        part.to(device)
        here[:] = [part]

    for network in networks(pipeline):
        network.register_forward_pre_hook(lambda part, args: enter(part))
    for name in ("encode", "decode"):
        object.__setattr__(pipeline.vae, name, _after(enter, pipeline.vae, getattr(pipeline.vae, name)))


def _after(enter: Callable[[Any], None], part: Any, method: Callable[..., Any]) -> Callable[..., Any]:
    def entered(*args: Any, **options: Any) -> Any:
        enter(part)
        return method(*args, **options)

    return entered
