"""An engine that steps its requests one by one, as a generator: latents go in and out between its network calls.

The contract is that of continuous batching of diffusion requests (SupportsStepExecution of vllm-omni): `prepare_encode`
once, `denoise_step` on a batch of requests, `step_scheduler` for each of them, `post_decode` at the end. Particles are
kept here, so the engine's own scheduler never steps and no history lies in it. Untried on a real engine.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

import torch

from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.contract import Model, Path
from raysearch.prompts import Prompt

METHODS = ("prepare_encode", "denoise_step", "step_scheduler", "post_decode")


class Steps(Protocol):
    """The contract of an engine's pipeline. States and batches are the engine's own objects.

    A state has `latents`, `step_index`, and, of a flow model, `scheduler.sigmas`.
    """

    supports_step_execution: bool

    def prepare_encode(self, state: Any) -> Any:
        """Encode a new request, draw its noise into `state.latents`, set its times; returns the state."""
        ...

    def denoise_step(self, input_batch: Any, *, states: Sequence[Any]) -> torch.Tensor | None:
        """The network's prediction for every request of the batch, here the velocity of a flow, eps - x0."""
        ...

    def step_scheduler(self, state: Any, noise_pred: torch.Tensor) -> None:
        """Move a request one step on; not used here."""
        ...

    def post_decode(self, state: Any) -> Any:
        """The output of a finished request."""
        ...


class Host(Protocol):
    """What a worker of the engine brings beside its pipeline, for which engines have no common form.

    Attributes:
        pipeline: with the four methods.
        fps: frames per second of its videos.
    """

    pipeline: Steps
    fps: float

    def request(self, prompt: Prompt, request_id: str, noise: torch.Generator) -> Any:
        """A new state for a prompt, whose noise is to be drawn from this CPU generator."""
        ...

    def batch(self, states: Sequence[Any]) -> Any:
        """The input of `denoise_step`, from the states alone: a cached batch may hold another prompt's embeddings."""
        ...

    def frames(self, output: Any) -> torch.Tensor:
        """Frames [T, 3, H, W] in [0, 1] of what `post_decode` returned."""
        ...


class StepwiseModel:
    """A host as a Model.

    Raises:
        UsageError: for a pipeline that does not step. Having the methods is not enough: some have them and refuse.
    """

    def __init__(self, host: Host, name: str = "the engine"):
        missing = [method for method in METHODS if not callable(getattr(host.pipeline, method, None))]
        if missing or not getattr(host.pipeline, "supports_step_execution", False):
            why = f"has no {missing[0]}" if missing else "says supports_step_execution = False"
            raise UsageError(f"generator.call.host={name!r}: its pipeline {why}, so it cannot be stepped")
        self._host, self.fps = host, host.fps
        self._numbers = itertools.count()

    def on(self, prompt: Prompt) -> StepwiseGenerator:
        """The generator for one prompt, encoded once; every wording has a request of its own."""
        return StepwiseGenerator(self._host, prompt, f"{prompt.id}-{next(self._numbers)}")


class StepwiseGenerator:
    """The requests of one prompt. Implements contract.Generator for flow models, x = (1 - sigma) x0 + sigma eps."""

    def __init__(self, host: Host, prompt: Prompt, request_id: str):
        self._host, self._prompt, self._id = host, prompt, request_id
        self._state = self._prepared(torch.Generator().manual_seed(0))
        self._sigmas = [float(sigma) for sigma in self._state.scheduler.sigmas]
        self._dtype, self._device = self._state.latents.dtype, self._state.latents.device
        self.steps = len(self._sigmas) - 1

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """What the engine draws for a new request, with what it conditions on in its place."""
        latents: torch.Tensor = self._prepared(noise).latents
        return latents.detach().float().clone()

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """x0_hat = x - sigma_k v of the state at step k, from one call of the engine's network.

        Raises:
            UsageError: for gradients, which engines do not compute, and where the engine gives no prediction.
        """
        if grad:
            raise UsageError("guide: a step-wise engine computes no gradients; leave the guide out")
        self._enter(x, k)
        velocity = self._host.pipeline.denoise_step(self._host.batch([self._state]), states=[self._state])
        if velocity is None:
            raise UsageError(f"the engine gave no prediction at step {k} of request {self._id!r}")
        return x - self._sigmas[k] * velocity.detach().float().reshape(x.shape)

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Frames [T, 3, H, W] in [0, 1], by the engine's own decoder."""
        self._enter(x0, self.steps)
        return self._host.frames(self._host.pipeline.post_decode(self._state)).detach().float().clone()

    def path(self, k: int) -> Path:
        """(a, s, a', s') of the flow."""
        now, then = self._sigmas[k], self._sigmas[k + 1]
        return 1 - now, now, 1 - then, then

    def _prepared(self, noise: torch.Generator) -> Any:
        return self._host.pipeline.prepare_encode(self._host.request(self._prompt, self._id, noise))

    def _enter(self, x: torch.Tensor, k: int) -> None:
        """Put a particle in the place of the request's own latents."""
        self._state.latents, self._state.step_index = x.to(self._device, self._dtype), k


def load(config: GeneratorConfig, device: str, host: str) -> Model:
    """An engine that steps its requests one by one: prepare_encode, denoise_step, step_scheduler, post_decode.

    Args:
        config: the settings of the job's generator.
        device: by its name in torch.
        host: `package.module:function` of (config, device), which returns a Host; see generators.stepwise.

    Raises:
        UsageError: for a host that cannot be imported or does not step.
    """
    module, _, name = host.partition(":")
    try:
        make = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"generator.call.host={host!r}: {error}; give package.module:function") from None
    return StepwiseModel(make(config, device), host)
