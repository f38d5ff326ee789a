"""Load V-JEPA 2 from a folder or the hub as transformers' own VJEPA2Model, with a clear error for any other model."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import VJEPA2Config, VJEPA2Model
from transformers.utils.logging import disable_progress_bar

from raysearch import pretrained
from raysearch.errors import UsageError
from raysearch.rewards.vjepa2.convention import ATTENTION


def load(
    model: str, revision: str | None = None, dtype: str = "float32", attention: str = "sdpa", device: str = "cpu"
) -> VJEPA2Model:
    """Load encoder and predictor, in evaluation mode and without gradients of their weights.

    Args:
        model: a folder, a hub id, or `tiny`, which ships with raysearch.
        revision: a branch or a commit of a hub id.
        dtype: the name of a torch dtype.
        attention: a key of ATTENTION.
        device: the torch device.

    Raises:
        UsageError: for what cannot be loaded, is no V-JEPA 2, or needs an attention package that is not installed.
    """
    if model == "tiny":
        from raysearch.tinyworld import weights

        model = str(weights("worldmodel"))
    elif Path(model).is_absolute() and not Path(model).is_dir():
        raise UsageError(f"reward.model={model!r}: no such folder")
    _is_vjepa2(model, revision)
    disable_progress_bar()
    try:
        network: VJEPA2Model = pretrained.network(
            VJEPA2Model, model, "reward.model", revision=revision, dtype=getattr(torch, dtype),
            attn_implementation=ATTENTION[attention],
        )  # fmt: skip
    except ImportError as error:
        raise UsageError(f"reward.attention={attention}: {_line(error)}; attention=sdpa needs nothing more") from None
    return network.to(device).eval().requires_grad_(False)


def _is_vjepa2(model: str, revision: str | None) -> None:
    """Raise UsageError unless its configuration says V-JEPA 2; no weights are fetched."""
    name = Path(model).name.lower()
    newer = any(mark in name for mark in ("vjepa2_1", "vjepa2.1", "vjepa2-1", "vjepa21"))
    kind = "vjepa2_1"
    if not newer:
        try:
            kind = VJEPA2Config.get_config_dict(model, revision=revision)[0].get("model_type")
        except OSError as error:
            raise UsageError(f"reward.model={model!r}: {_line(error)}") from None
    if newer or (kind or "").startswith(("vjepa2_1", "vjepa2.1", "vjepa21")):
        raise UsageError(
            f"reward.model={model!r}: V-JEPA 2.1 is not in transformers, and its predictor answers differently; "
            "choose a V-JEPA 2, e.g. vitl, vith, vitg or vitg384"
        )
    if kind != "vjepa2":
        raise UsageError(f"reward.model={model!r}: model_type is {kind!r}, not 'vjepa2'; give a folder of a V-JEPA 2")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
