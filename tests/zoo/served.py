"""A pipeline of the zoo as a custom generator, `tests.zoo.served:case`, so that a whole run can be made with it."""

from __future__ import annotations

from raysearch.config.settings import GeneratorConfig
from raysearch.generators.contract import Model
from raysearch.generators.diffusers import DiffusersModel
from tests.zoo.cases import CASES

FRAMES = 17  # enough for a window of the reward


def case(config: GeneratorConfig, device: str, *, case: str) -> Model:
    """A tiny pipeline of the zoo.

    Args:
        config: the job's settings.
        device: not used; the zoo lives on the CPU.
        case: its id in tests/zoo/cases.py.
    """
    found = next(c for c in CASES if c.id == case)
    call = found.call()
    if "num_frames" in call:
        call["num_frames"] = max(FRAMES, call["num_frames"])
    assert config.steps is not None and config.fps is not None
    return DiffusersModel(found.build(), config.steps, config.fps, **call)
