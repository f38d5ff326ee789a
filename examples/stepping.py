"""The tiny generator behind the contract of a step-wise engine: a host for `generator.name: stepwise`.

It denoises with the shipped network and keeps its own loop (`serve`), as an engine does that batches requests. Name it
in a job as `generator: {name: stepwise, model: tiny, steps: 12, fps: 8, call: {host: "examples.stepping:host"}}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch

from raysearch import generators
from raysearch.config.settings import GeneratorConfig
from raysearch.prompts import Prompt
from raysearch.tinyworld import GENERATOR_CALL, GENERATOR_DEFAULTS


@dataclass
class Request:
    """The state of one request, with the fields that engines have."""

    request_id: str
    prompt: Prompt
    sampling: SimpleNamespace
    latents: Any = None
    step_index: int = 0
    scheduler: Any = None
    extra: dict[str, Any] = field(default_factory=dict)


class Pipeline:
    """The four methods over the generator of a prompt; a batch is the latents of its requests, one after the other."""

    supports_step_execution = True

    def __init__(self, model: Any):
        self.model = model

    def prepare_encode(self, state: Request) -> Request:
        """Encode the prompt and draw the noise."""
        state.extra["generator"] = each = self.model.on(state.prompt)
        paths = [each.path(k) for k in range(each.steps)]
        state.scheduler = SimpleNamespace(sigmas=[float(p[1]) for p in paths] + [float(paths[-1][3])])
        state.latents, state.step_index = each.draw(state.sampling.generator), 0
        return state

    def denoise_step(self, input_batch: torch.Tensor, *, states: Sequence[Request]) -> torch.Tensor:
        """The velocity of every request, each at its own step."""
        rows = []
        for x, state in zip(input_batch.split(1), states, strict=True):
            x0 = state.extra["generator"].denoise(x, state.step_index, torch.Generator())
            rows.append((x - x0) / state.scheduler.sigmas[state.step_index])
        return torch.cat(rows)

    def step_scheduler(self, state: Request, noise_pred: torch.Tensor) -> None:
        """A step of Euler."""
        now, then = state.scheduler.sigmas[state.step_index : state.step_index + 2]
        state.latents, state.step_index = state.latents + (then - now) * noise_pred, state.step_index + 1

    def post_decode(self, state: Request) -> SimpleNamespace:
        """Frames [1, 3, T, H, W] in [-1, 1], as pipelines give them."""
        frames = state.extra["generator"].decode(state.latents, torch.Generator())
        return SimpleNamespace(output=2 * frames.transpose(0, 1)[None] - 1)


class Engine:
    """A host, and the engine's own loop."""

    def __init__(self, model: Any):
        self.pipeline, self.fps = Pipeline(model), float(model.fps)

    def request(self, prompt: Prompt, request_id: str, noise: torch.Generator) -> Request:
        """A new state."""
        return Request(request_id, prompt, SimpleNamespace(generator=noise))

    def batch(self, states: Sequence[Request]) -> torch.Tensor:
        """The latents of all requests."""
        return torch.cat([state.latents for state in states])

    def frames(self, output: Any) -> torch.Tensor:
        """Frames in [0, 1]."""
        return (output.output[0].transpose(0, 1) + 1) / 2

    def serve(self, states: Sequence[Request]) -> list[Any]:
        """Requests of one length to their end, in one batch a step."""
        states = [self.pipeline.prepare_encode(state) for state in states]
        while states[0].step_index < len(states[0].scheduler.sigmas) - 1:
            rows = self.pipeline.denoise_step(self.batch(states), states=states)
            for state, row in zip(states, rows.split(1), strict=True):
                self.pipeline.step_scheduler(state, row)
        return [self.pipeline.post_decode(state) for state in states]


def host(config: GeneratorConfig, device: str) -> Engine:
    """The tiny generator as an engine, with the steps and the rate of the job."""
    tiny = {**GENERATOR_DEFAULTS, "call": dict(GENERATOR_CALL)}
    asked = {k: v for k, v in {"steps": config.steps, "fps": config.fps}.items() if v is not None}
    return Engine(generators.load(GeneratorConfig(**{**tiny, **asked}), device))
