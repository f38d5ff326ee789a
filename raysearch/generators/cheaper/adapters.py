"""`generator.lora`: adapters of a network, loaded by diffusers and peft.

Before anything is loaded the header of each file is turned into the names of diffusers by the pipeline's own conversion
and held against the network, built without weights. So a file that fits no layer is one line. Afterwards what peft
holds is compared with the file again: it fills what a file lacks with random numbers and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from raysearch.config.cheaper import LoraAdapter
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.declare import Config, Pipeline
from raysearch.names import lookup
from raysearch.pretrained import SHOWN, one_line, reconfigured, single

KEY = "generator.lora"
USUAL = "pytorch_lora_weights.safetensors"  # how diffusers calls the file that it saves
NETWORKS = ("transformer", "transformer_2")
PREFIX = "transformer."  # of the names of an adapter's tensors, whichever network it goes to
EXPANDED = ("add_k_proj", "add_v_proj")  # layers that diffusers adds to an adapter of Wan's text to video, as zeros


@dataclass(frozen=True)
class OneAdapter:
    """An adapter as a job gives it: the fields of config.cheaper.LoraAdapter, and the `key` where it stands."""

    key: str
    model: str
    weight_name: str | None = None
    revision: str | None = None
    scale: float = 1.0
    fused: bool = False
    part: str = "transformer"

    def file(self) -> Path:
        """Where its file is. Raises UsageError for one that is absent, damaged or of another kind."""
        return single.locate(self.model, self.key, self.weight_name, self.revision, usual=USUAL)


def read(config: GeneratorConfig) -> list[OneAdapter]:
    """The adapters of a job, in its order.

    Raises:
        UsageError: for an unknown key, or an adapter without a model.
    """
    several = isinstance(config.lora, list)
    result = []
    for i, entry in enumerate(config.lora if several else [config.lora]):
        key = f"{KEY}[{i}]" if several else KEY
        values = {"model": entry} if isinstance(entry, str) else dict(entry)
        for name in values:
            lookup(f"{key}: key", name, dict.fromkeys(LoraAdapter.__annotations__))
        if not values.get("model"):
            raise UsageError(f"{key}.model is missing; give a safetensors file, a folder with one, or a hub id")
        lookup(f"{key}.part: network", values.get("part", NETWORKS[0]), dict.fromkeys(NETWORKS))
        result.append(OneAdapter(key, **values))
    return result


def check(config: GeneratorConfig, index: Config, pipeline: str, network_of: Callable[[str], Any]) -> None:
    """Check the adapters of a job before anything is loaded.

    Args:
        config: the generator's settings.
        index: the model_index.json of the model.
        pipeline: the class of its pipeline.
        network_of: gives a network of the model without weights, by the name of the part.

    Raises:
        UsageError: for a package or a file that is missing, a file of another kind, and tensors that fit no layer.
    """
    given = read(config)
    if not given:
        return
    if find_spec("peft") is None:
        raise UsageError(
            f"{KEY}: adapters take the package peft, which is not installed; pip install 'raysearch[fast]'"
        )
    from raysearch.generators.parts import class_name, class_of

    cls = class_of(pipeline)
    able = getattr(cls, "_lora_loadable_modules", ())
    if not hasattr(cls, "load_lora_weights"):
        raise UsageError(f"{KEY}: diffusers loads no adapters into {pipeline}; leave it out")
    for one in given:
        if not class_name(index, one.part) or one.part not in able:
            raise UsageError(f"{one.key}.part={one.part}: {pipeline} of this model has no such network to adapt")
        expected(one, cls, network_of(one.part))


def empty(network: Any, config: Config) -> Any:
    """A network of a class of diffusers without weights."""
    from accelerate import init_empty_weights

    with init_empty_weights():
        return reconfigured(network, dict(config))


def expected(one: OneAdapter, pipeline: Any, network: Any) -> frozenset[str]:
    """The names under which the network will hold the adapter's tensors.

    Args:
        one: the adapter.
        pipeline: the class of the pipeline, whose conversion is used.
        network: with or without weights, and without adapters.

    Raises:
        UsageError: for a file that is no LoRA adapter, or none of this network.
    """
    state = _converted(one, pipeline)
    layers = {name: module.weight.shape for name, module in network.named_modules()
              if getattr(module, "weight", None) is not None}  # fmt: skip
    wrong = sorted(name for name, tensor in state.items() if not _fits(name, tensor.shape, layers))
    names = {name.removeprefix(PREFIX) for name in state}
    alone = sorted(name for name in names if name.endswith(".weight") and _other(name) not in names)
    network_name, kind = type(network).__name__, f"{len(state)} tensors"
    if wrong:
        raise UsageError(f"{one.key}={one.model!r}: {len(wrong)} of {kind} fit no layer of {network_name} "
                         f"({_shown(wrong)}); give an adapter that was made for this model")  # fmt: skip
    if alone:
        raise UsageError(f"{one.key}={one.model!r}: the adapter is not whole: {len(alone)} of {kind} lack their other "
                         f"half ({_shown(alone)}); fetch it again")  # fmt: skip
    return frozenset(names)


def _converted(one: OneAdapter, pipeline: Any) -> Mapping[str, Any]:
    """The adapter's tensors under the names of diffusers, without their numbers, by the conversion of the pipeline."""
    import torch
    from diffusers.utils import convert_unet_state_dict_to_peft

    shapes = single.shapes(one.file())
    kinds = {"DoRA": "dora_scale", "LoKr": ".lokr_", "LoHa": ".hada_"}
    other = next((kind for kind, mark in kinds.items() if any(mark in name for name in shapes)), None)
    if other or not any("lora" in name for name in shapes):
        what = f"holds {other} factors" if other else "holds no tensor with lora in its name"
        raise UsageError(f"{one.key}={one.model!r}: {what}, so it is no LoRA adapter; give one that is")
    # Strengths (alpha) are numbers by which a conversion multiplies; all other tensors need only a shape.
    state = {name: torch.empty(shape, device="meta") if shape else torch.ones(()) for name, shape in shapes.items()}
    try:
        converted: Mapping[str, Any] = pipeline.lora_state_dict(dict(state))
        if not any("lora_A" in name for name in converted):
            converted = convert_unet_state_dict_to_peft(dict(converted))
    except Exception as error:  # of conversions, which fail in every way on files that they do not know
        reason = one_line(f"{type(error).__name__}: {error}", 120)
        raise UsageError(
            f"{one.key}={one.model!r}: {pipeline.__name__} cannot read its names ({reason}); give an adapter that was "
            "made for this model"
        ) from None
    return converted


def _fits(name: str, shape: tuple[int, ...], layers: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a tensor of an adapter belongs to a layer: A [rank, in, ...], B [out, rank, ...], B's bias [out]."""
    layer, _, factor = name.removeprefix(PREFIX).partition(".lora_")
    weight = layers.get(layer)
    if weight is None or not name.startswith(PREFIX):
        return False
    if factor == "A.weight":
        return len(shape) > 1 and tuple(shape[1:]) == tuple(weight[1:])
    return factor in ("B.weight", "B.bias") and len(shape) > 0 and shape[0] == weight[0]


def _other(name: str) -> str:
    """The other factor of a layer."""
    a, b = ".lora_A.", ".lora_B."
    return name.replace(a, b) if a in name else name.replace(b, a)


def _shown(names: Iterable[str]) -> str:
    names = list(names)
    return f"{', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''}"


def load(pipeline: Pipeline, config: GeneratorConfig) -> None:
    """Load the adapters of a job into a loaded pipeline; fused ones first, so that no layer keeps them.

    Raises:
        UsageError: as `check`, and if what is loaded is not exactly what the files hold.
    """
    given = read(config)
    for fused in (True, False):
        chosen = {f"adapter_{i}": one for i, one in enumerate(given) if one.fused is fused}
        if not chosen:
            continue
        wanted = {name: expected(one, type(pipeline), _like(pipeline, one)) for name, one in chosen.items()}
        for name, one in chosen.items():
            _load(pipeline, name, one)
            _refuse_incomplete(getattr(pipeline, one.part), name, one, wanted[name])
        pipeline.set_adapters(list(chosen), [one.scale for one in chosen.values()])
        if fused:
            pipeline.fuse_lora(components=sorted({one.part for one in chosen.values()}), adapter_names=list(chosen))
            pipeline.unload_lora_weights()


def _like(pipeline: Pipeline, one: OneAdapter) -> Any:
    """The network of an adapter without weights; loaded ones may hold them in another shape (GGUF)."""
    network = getattr(pipeline, one.part)
    return empty(type(network), network.config)


def _load(pipeline: Pipeline, name: str, one: OneAdapter) -> None:
    file = one.file()
    more = {"load_into_transformer_2": True} if one.part == NETWORKS[1] else {}
    try:
        single.adapter(pipeline, file, name, **more)
    except Exception as error:  # of diffusers and peft
        raise UsageError(f"{one.key}={one.model!r}: cannot be loaded by diffusers ({one_line(error)})") from None


def _refuse_incomplete(network: Any, name: str, one: OneAdapter, wanted: frozenset[str]) -> None:
    """Raise UsageError unless the network holds exactly the tensors of the adapter."""
    from peft.utils import get_peft_model_state_dict

    held = set(get_peft_model_state_dict(network, adapter_name=name))
    absent, random = sorted(wanted - held), sorted(n for n in held - wanted if not any(e in n for e in EXPANDED))
    problems = [f"{len(names)} tensors {what} ({_shown(names)})" for names, what in
                ((random, "missing"), (absent, "not those of the network")) if names]  # fmt: skip
    if problems:
        raise UsageError(f"{one.key}={one.model!r}: the adapter is not whole: {'; '.join(problems)}; fetch it again")
