"""MAGI-1, autoregressive video chunk by chunk (arXiv 2505.13211), in plain PyTorch: `generator.name: magi1`.

`load` describes itself as custom generators do. Importing this loads no torch.
"""

from __future__ import annotations

from typing import Any

from raysearch.config.settings import GeneratorConfig
from raysearch.generators.contract import Model
from raysearch.generators.magi1.footprint import lines
from raysearch.generators.magi1.settings import Options, check, ends, files, lengths, settings


def load(config: GeneratorConfig, device: str, **call: Any) -> Model:
    """MAGI-1: 24 frames a second in chunks of one second, from text, an image or a clip.

    Args:
        config: the settings of the job's generator.
        device: by its name in torch.
        call: the fields of Options.

    Raises:
        UsageError: for a checkpoint that cannot be read, and for what it cannot do.
    """
    asked = settings(config, Options(**call))
    from raysearch.generators.magi1.model import MagiModel

    return MagiModel(config, asked, device)


load.takes = ("text", "image", "frames")  # type: ignore[attr-defined]
load.options = Options  # type: ignore[attr-defined]
load.check = check  # type: ignore[attr-defined]
load.ends = ends  # type: ignore[attr-defined]
load.lengths = lengths  # type: ignore[attr-defined]
load.files = files  # type: ignore[attr-defined]
load.about = lines  # type: ignore[attr-defined]
load.conditions = True  # type: ignore[attr-defined]
