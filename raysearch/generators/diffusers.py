"""Any diffusers video pipeline as a generator: one pipeline call is one step.

The scheduler predicts instead of moving (one_step.py), the particle enters where the pipeline prepares its latents, and
draw and decode are the same call with the loop's body skipped. So conditioned tokens, guidance and the network's dtype
stay the pipeline's business, and a chain of steps equals the unsplit run by construction. Conditions are computed once.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import torch

from raysearch.errors import UsageError
from raysearch.generators.conditioning import arguments
from raysearch.generators.one_step import one_step
from raysearch.prompts import Prompt, frames

_ONCE = (
    "encode_prompt",
    "encode_image",
    "_encode_image",
    "preprocess_conditions",
    "prepare_video_latents",
    "prepare_masks",
)


class DiffusersModel:
    """A loaded pipeline; `on(prompt)` gives the generator for one prompt."""

    def __init__(self, pipeline: Any, steps: int, fps: float, **call: Any):
        pipeline.set_progress_bar_config(disable=True)
        for part in pipeline.components.values():
            if isinstance(part, torch.nn.Module):
                part.eval().requires_grad_(False)
        self.pipeline, self.steps, self.fps, self.call = pipeline, steps, fps, call

    @classmethod
    def load(cls, config: Any, device: str = "cpu") -> DiffusersModel:
        """By the ordinary from_pretrained: safetensors only, no remote code. `tiny` ships with raysearch."""
        from diffusers import DiffusionPipeline
        from diffusers.utils import logging

        logging.set_verbosity_error()
        folder = config.model
        if config.model == "tiny":
            import raysearch.tinyworld.codec  # noqa: F401  diffusers looks the class up, but does not import it
            from raysearch.tinyworld import weights

            folder = str(weights("generator"))
        pipeline = DiffusionPipeline.from_pretrained(
            folder, dtype=getattr(torch, config.dtype), revision=config.revision, use_safetensors=True
        )
        return cls(pipeline.to(device), config.steps, config.fps, **config.pipeline_call())

    def on(self, prompt: Prompt) -> DiffusersGenerator:
        given = arguments(type(self.pipeline).__name__, prompt.text, frames(prompt), prompt.id)
        return DiffusersGenerator(self.pipeline, self.steps, **self.call, **given)


class DiffusersGenerator:
    """draw, denoise, decode and path of one prompt. `call`: the arguments of the ordinary pipeline call."""

    def __init__(self, pipeline: Any, steps: int, **call: Any):
        self.pipe = copy.copy(pipeline)  # shares all weights; the hooks below are this prompt's own
        self.pipe.scheduler = one_step(pipeline.scheduler)
        self.steps = steps
        self._call = call
        parameters = inspect.signature(type(pipeline).__call__).parameters
        if "num_inference_steps" in parameters and "timesteps" not in call:
            self._call = {**call, "num_inference_steps": steps}
        self._reports = "callback_on_step_end" in parameters
        self._interruptible = hasattr(type(pipeline), "interrupt")  # on the class: no value before the first call
        self._particle: torch.Tensor | None = None
        self._idle = False
        self._noise: torch.Generator | None = None
        self._kept: tuple[torch.Tensor, list, bool] | None = None
        self._drawn: torch.Tensor | None = None
        self._prepare = self.pipe.prepare_latents
        self.pipe.prepare_latents = self._prepare_with_particle
        for name in _ONCE:
            _compute_once(self.pipe, name)
        self.pipe.video_processor = copy.copy(pipeline.video_processor)
        for name in ("preprocess", "preprocess_video"):
            _compute_once(self.pipe.video_processor, name, tensors=False)
        self.pipe.vae = _mode_not_sample(pipeline.vae)

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        self._run(0, None, noise, idle=True)
        assert self._drawn is not None
        return self._drawn.float()

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        return self._run(k, x, noise, grad=grad).float()

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        return self._run(0, x0, noise, idle=True, output="pt", grad=grad)[0].float()

    def path(self, k: int) -> tuple:
        if not hasattr(self.pipe.scheduler, "table"):
            self.draw(torch.Generator().manual_seed(0))  # the pipeline itself fills the table
        return self.pipe.scheduler.table[k]

    def _run(
        self, k: int, x: torch.Tensor | None, noise: torch.Generator, idle: bool = False, output: str = "latent",
        grad: bool = False,
    ) -> torch.Tensor:  # fmt: skip
        """One call of the pipeline: step k from the particle x, or (idle) nothing but drawing or decoding."""
        self._particle, self._noise = x, noise
        seen: list[torch.Tensor] = []
        self._idle = idle and self._interruptible
        self.pipe.scheduler.at = self.steps if idle and not self._interruptible else k
        call = {**self._call, "generator": noise, "output_type": output}
        if self._reports:

            def report(pipe: Any, i: int, t: Any, tensors: dict) -> dict:
                seen.append(tensors["latents"])  # the full state, which the output is not in every family
                return {}

            call["callback_on_step_end"] = report
        run = type(self.pipe).__call__
        out = (inspect.unwrap(run) if grad else run)(self.pipe, **call)
        if seen and output == "latent":
            return seen[-1]
        return out.frames if hasattr(out, "frames") else out[0]

    def _prepare_with_particle(self, *args: Any, **options: Any) -> Any:
        """The only place where a particle enters. The pipeline's own conditions are prepared once."""
        if self._kept is None or self._particle is None:
            assert self._noise is not None
            before = self._noise.get_state()
            with torch.no_grad():
                out = self._prepare(*args, **options)
            new, *rest = out if isinstance(out, tuple) else (out,)
            self._kept = new.clone(), rest, isinstance(out, tuple)
            if self._particle is None:
                self._drawn = new.clone()
            else:
                self._noise.set_state(before)  # or this call would go on with other noise than the next
        new, rest, is_tuple = self._kept
        if self._particle is not None:
            new = _held(self.pipe, self._particle.clone().to(new), new, rest)
        if self._idle:
            self.pipe._interrupt = True
        return (new, *rest) if is_tuple else new


def _held(pipe: Any, x: torch.Tensor, new: torch.Tensor, rest: list) -> torch.Tensor:
    """Positions that a pipeline conditions on hold their clean value."""
    name = type(pipe).__name__
    if name == "LTXConditionPipeline" and rest[0] is not None:
        return torch.where(rest[0].unsqueeze(-1) >= 1 - 1e-6, new, x)
    if name.startswith("Cosmos2_5_Predict"):
        return torch.where(rest[1].bool(), rest[0].to(x), x)
    return x


def _compute_once(owner: Any, name: str, tensors: bool = True) -> None:
    """Remember a method's answers. tensors=False leaves calls with tensor arguments alone: they are new every time."""
    method, known = getattr(owner, name, None), {}
    if method is None:
        return

    def once(*args: Any, **options: Any) -> Any:
        if not tensors and any(isinstance(v, torch.Tensor) for v in (*args, *options.values())):
            return method(*args, **options)
        key = _identity(args), _identity(tuple(sorted(options.items())))
        if key not in known:
            with torch.no_grad():
                known[key] = method(*args, **options), args, options  # the arguments stay alive: keys hold their ids
        return known[key][0]

    setattr(owner, name, once)


def _identity(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_identity(v) for v in value)
    if isinstance(value, torch.Generator):
        return "generator"
    if isinstance(value, (str, int, float, bool, type(None), torch.device, torch.dtype)):
        return value
    return id(value), getattr(value, "_version", 0)


def _mode_not_sample(vae: Any) -> Any:
    """The VAE with posteriors that answer with their mode: a condition is the same in every call and everywhere."""
    result = copy.copy(vae)
    encode: Callable = vae.encode

    def deterministic(*args: Any, **options: Any) -> Any:
        out = encode(*args, **options)
        if hasattr(out, "latent_dist"):
            posterior = out.latent_dist
            posterior.sample = lambda generator=None: posterior.mode()
        return out

    object.__setattr__(result, "encode", deterministic)
    return result


def refuse_unknown(call: dict[str, Any], pipeline: type) -> None:
    """Raise UsageError for an argument the pipeline's call does not have."""
    from raysearch.names import lookup

    parameters = dict.fromkeys(inspect.signature(pipeline.__call__).parameters)
    for name in call:
        try:
            lookup("argument", name, parameters)
        except UsageError as error:
            raise UsageError(f"generator.call: {pipeline.__name__} has no such argument: {error}") from None
