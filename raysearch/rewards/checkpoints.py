"""Load a network for a reward: a folder, a hub id or `tiny`, safetensors alone, no remote code, one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raysearch import pretrained
from raysearch.errors import UsageError

DTYPES = ("float32", "bfloat16", "float16")


def load(
    kind: Any, reward: str, model: str, tiny: str | None = None, revision: str | None = None, **options: Any
) -> Any:
    """kind.from_pretrained(model). tiny: the shipped weights `tiny` stands for. options: `dtype` by name, and others.

    revision: of a hub id, a branch or a commit. dtype: of the weights, float32, bfloat16 or float16.

    Raises UsageError for a model that cannot be found or read, and for an unknown dtype.
    """
    if model == "tiny" and tiny:
        from raysearch.tinyworld import weights

        model = str(weights(tiny))
    if model.startswith((".", "/", "~")) and not Path(model := str(Path(model).expanduser())).is_dir():
        raise UsageError(f"{reward}.model={model!r}: no such folder")
    if "dtype" in options:
        import torch  # not before: its docstring is read where no model is loaded

        if options["dtype"] not in DTYPES:
            raise UsageError(f"{reward}.dtype={options['dtype']!r}: choose one of {', '.join(DTYPES)}")
        options |= {"dtype": getattr(torch, options["dtype"]), "attn_implementation": "sdpa"}
        return pretrained.network(kind, model, f"{reward}.model", revision=revision, **options)
    return pretrained.auto(kind, model, f"{reward}.model", revision)
