"""Keys of the settings below `generator` that make candidates cheaper: adapters, fewer bits, previews.

What they do stands in docs/fast.md; whether a model can do it is checked in raysearch/generators/cheaper.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypedDict

from annotated_types import Ge, Gt, Le

from raysearch.config.places import As


class LoraAdapter(TypedDict, total=False):
    """A LoRA adapter.

    Attributes:
        model: a safetensors file, a folder with one, a hub id, or a file on the hub, owner/name/file.safetensors.
        weight_name: the file in the folder or on the hub; defaults to the only one, or the usual name.
        revision: of a hub id.
        scale: strength of the adapter, 1 as it was trained.
        fused: added to the weights once, which is faster, rather than computed beside them in every step.
        part: the network that it adapts, `transformer` or `transformer_2`.
    """

    model: str
    weight_name: str | None
    revision: str | None
    scale: Annotated[float, Ge(-100), Le(100)]
    fused: bool
    part: str


Adapters: TypeAlias = Annotated[list[Any], As(str | LoraAdapter | list[str | LoraAdapter])]


class _Quantized(TypedDict, total=False):
    model: str
    revision: str | None
    type: str


Quantization: TypeAlias = Annotated[dict[str, Any], As(_Quantized)]
"""`with`, the library, and its options: `type` of torchao, `model` (the file) of gguf, those of bitsandbytes."""


class Preview(TypedDict, total=False):
    """What decodes the reads that are not final.

    Attributes:
        decoder: a safetensors file with a tiny decoder, on this machine or on the hub, owner/name/file.safetensors.
        revision: of a hub id.
        size: scale of height and width of the latents that are decoded; the frames are enlarged again.
    """

    decoder: str
    revision: str | None
    size: Annotated[float, Gt(0), Le(1)]
