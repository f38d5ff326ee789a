"""A tiny Wan whose text encoder tells in a folder what is asked of it, and waits or fails there as a test wants."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from examples.tiny_wan import wan
from raysearch.config.settings import GeneratorConfig
from raysearch.generators.diffusers import DiffusersModel
from raysearch.generators.stepping import DiffusersGenerator

HOLD, BROKEN = "hold", "broken"  # files for as long as which the encoder waits, or fails


def settings(folder: Path, steps: int = 2, name: str = "load") -> GeneratorConfig:
    """A tiny Wan, saved into the folder. The encoder is asked twice for a prompt: for its text, and for no text."""
    wan().save_pretrained(folder / "wan")
    return GeneratorConfig(
        name=f"tests.executors.encoding:{name}", model=str(folder / "wan"), steps=steps, fps=8, height=16, width=16,
        num_frames=9, call={"folder": str(folder)},
    )  # fmt: skip


def load(config: Any, device: str) -> DiffusersModel:
    """The pipeline of the settings."""
    call = dict(config.call)
    folder = Path(call.pop("folder"))
    model = DiffusersModel.load(replace(config, name="diffusers", call=call), device)

    def asked(*_: Any) -> None:
        while (folder / HOLD).exists():
            (folder / f"waits-{os.getpid()}").touch()
            time.sleep(0.05)
        if (folder / BROKEN).exists():
            raise RuntimeError("the encoder is out of order")
        (folder / f"asked-{os.getpid()}-{time.time_ns()}").touch()

    def loaded(encoder: Any) -> None:
        (folder / f"loaded-{os.getpid()}").touch()
        encoder.register_forward_pre_hook(asked)

    model.pipeline.text_encoder.then(loaded)
    return model


class Alone(DiffusersGenerator):
    """A generator whose conditions cannot be sent."""

    def conditions(self) -> None:
        """None."""


def alone(config: Any, device: str) -> DiffusersModel:
    """The same, whose generators keep their conditions to themselves."""
    model = load(config, device)
    given = model.given

    def keeping(*args: Any) -> Any:
        generator = given(*args)
        generator.__class__ = Alone
        return generator

    model.given = keeping  # type: ignore[method-assign]
    return model


load.conditions = alone.conditions = True  # type: ignore[attr-defined]
