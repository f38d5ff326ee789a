"""The first step of a pipeline that no family declares, held against the step of its own scheduler.

A pipeline call has to step its scheduler once, on the whole state, and a deterministic step from x0_hat along (a, s)
has to land where the scheduler itself lands. What does neither would be searched without an error and wrongly.
"""

from __future__ import annotations

from typing import Any

import torch

from raysearch import pretrained
from raysearch.errors import UsageError
from raysearch.generators.declare import Pipeline

CLOSE = 1e-3  # relative to the largest entry; in bf16 the scheduler rounds its own step


class Trial:
    """Watches the scheduler of a pipeline (one_step.OneStep.watch) during one call.

    Attributes:
        steps: how often the pipeline stepped its scheduler.
    """

    def __init__(self, pipeline: Pipeline):
        """Watch from now on.

        Args:
            pipeline: one whose scheduler is already a OneStep.
        """
        self.name, self.steps = type(pipeline).__name__, 0
        pipeline.scheduler.watch = self._watch
        self._scheduler = pipeline.scheduler

    def end(self, particle: torch.Tensor, x0: torch.Tensor) -> None:
        """Stop watching. Raises UsageError where the call was not one step of the whole state."""
        self._scheduler.watch = None
        if self.steps != 1 or x0.shape != particle.shape:
            raise UsageError(
                f"generator.model: {self.name} cannot be driven one step at a time: a call took {self.steps} steps of "
                f"its scheduler and made {list(x0.shape)} of a state {list(particle.shape)}"
            )

    def _watch(self, scheduler: Any, v: torch.Tensor, t: Any, x: torch.Tensor, x0: torch.Tensor) -> None:
        self.steps += 1
        a, s, a1, s1 = (level.to(x0) for level in scheduler.table[scheduler.at])
        ours = a1 * x0 + s1 * (x.float() - a * x0) / s
        stock = _own(scheduler)
        args, options = scheduler.asked
        stock.set_timesteps(*args, **options)
        theirs = stock.step(v, stock.timesteps[scheduler.at], x, return_dict=False)[0].float()
        off = float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-12))
        if not off < CLOSE:
            raise UsageError(
                f"generator.model: {self.name} cannot be driven one step at a time: a step of its "
                f"{type(stock).__name__} ends elsewhere than the ODE of its table (relative difference {off:.2g})"
            )


def _own(scheduler: Any) -> Any:
    """A scheduler of the class and the configuration that the pipeline came with."""
    cls = type(scheduler).__mro__[2]
    return pretrained.reconfigured(cls, scheduler.config)
