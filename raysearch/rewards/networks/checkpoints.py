"""Load a network for a reward: a folder, a hub id or `tiny`; safetensors only, no remote code, one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from raysearch import pretrained
from raysearch.errors import UsageError

Dtype = Literal["float32", "bfloat16", "float16"]


def load(
    kind: Any, reward: str, model: str, tiny: str = "", revision: str | None = None, dtype: Dtype | None = None
) -> Any:  # transformers' classes carry no usable types
    """Call kind.from_pretrained(model).

    Args:
        kind: a class of transformers: of models, configurations or tokenizers.
        reward: the name of the reward, for errors.
        model: a folder, a hub id, or `tiny`.
        tiny: the weights of the tiny world that `model: tiny` stands for; empty if there are none.
        revision: a branch or a commit of a hub id.
        dtype: of the weights; None for what has none.

    Raises:
        UsageError: for a model that cannot be found or read.
    """
    if model == "tiny" and tiny:
        from raysearch.tinyworld import weights

        model = str(weights(tiny))
    if model.startswith((".", "/", "~")) and not Path(model := str(Path(model).expanduser())).is_dir():
        raise UsageError(f"{reward}.model={model!r}: no such folder")
    key = f"{reward}.model"
    if dtype is None:
        return pretrained.auto(kind, model, key, revision)
    import torch

    return pretrained.network(
        kind, model, key, revision=revision, dtype=getattr(torch, dtype), attn_implementation="sdpa"
    )
