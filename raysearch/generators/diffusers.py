"""Any diffusers video pipeline as a generator: one pipeline call is one step.

The scheduler predicts instead of moving (one_step.py), the particle enters where the pipeline prepares its latents, and
draw and decode are the same call with the loop's body skipped. So conditioned tokens, guidance and the network's dtype
stay the pipeline's business, and a chain of steps equals the unsplit run by construction. Conditions are computed once.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch

from raysearch import pretrained
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import families, hooks, memory
from raysearch.generators.classes import for_frames, refuse_unknown
from raysearch.generators.conditioning import arguments, fitted, own_names, with_defaults
from raysearch.generators.contract import Generator, Path
from raysearch.generators.declare import Call, Frames, Pipeline
from raysearch.generators.feasible import pipeline_class
from raysearch.generators.one_step import one_step
from raysearch.prompts import Prompt, frames
from raysearch.videos import Fit


class DiffusersModel:
    """A loaded pipeline; `on(prompt)` returns the generator for one prompt.

    Attributes:
        pipeline: the diffusers pipeline; its weights are frozen.
        steps: steps of one generator.
        fps: frames per second of the videos.
        offload: the device of the networks if the encoders are kept off it while they are not needed, else None.
        fit: how conditioning frames get the shape of the video (generator.fit).
        call: the arguments of the ordinary pipeline call that no prompt changes.
    """

    def __init__(
        self, pipeline: Pipeline, steps: int, fps: float, settings: GeneratorConfig | None = None,
        offload: torch.device | None = None, **call: Any,
    ):  # fmt: skip
        """Prepare a loaded pipeline.

        Args:
            pipeline: the pipeline, on its device.
            steps: steps of one generator.
            fps: frames per second of the videos.
            settings: what tiles, slices, pieces of decoding, compiling and `fit` are read from.
            offload: see the class.
            call: see the class.

        Raises:
            UsageError: for a setting that the autoencoder does not have.
        """
        pipeline.set_progress_bar_config(disable=True)
        for part in pipeline.components.values():
            if isinstance(part, torch.nn.Module):
                part.eval().requires_grad_(False)
        if settings is not None:
            memory.prepare(pipeline, settings)
        self.pipeline, self.steps, self.fps, self.offload = pipeline, steps, fps, offload
        self.fit: Fit = "crop" if settings is None else settings.fit
        self.call = own_names(type(pipeline), call)

    @classmethod
    def load(cls, config: GeneratorConfig, device: str = "cpu") -> DiffusersModel:
        """Load from a folder, the hub, or the models that ship with raysearch (families.MODELS).

        Weights are read from safetensors alone, and code that a model brings runs only if
        `config.trust_remote_code` is True.

        Raises:
            UsageError: for a model that cannot be loaded, or not without its own code.
        """
        from diffusers.utils import logging
        from transformers.utils import logging as transformers_logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        transformers_logging.disable_progress_bar()
        folder, trusted = config.model, config.trust_remote_code is True
        if shipped := families.MODELS.get(config.model):
            shipped.register()
            folder = str(shipped.folder())
        name = pipeline_class(config)
        if not trusted:
            refuse_unknown(config.pipeline_call(), name)
        pipeline = pretrained.pipeline(
            folder, "generator.model", config.revision, trusted, getattr(torch, config.dtype)
        )  # fmt: skip
        assert config.steps is not None and config.fps is not None
        options: dict[str, Any] = {"offload": _place(pipeline, torch.device(device), config.offload_text)}
        if config.chunks > 1:
            options["chunks"] = config.chunks
        return cls(pipeline, config.steps, config.fps, settings=config, **options, **config.pipeline_call())

    def on(self, prompt: Prompt) -> Generator:
        """The generator for one prompt."""
        return self.given(prompt.text, frames(prompt, self.fps), prompt.id)

    def given(self, text: str, clip: Frames | None, prompt_id: str) -> Generator:
        """The generator for a text and conditioning frames, uint8 [T, H, W, 3].

        Raises:
            UsageError: if the pipeline cannot do the prompt.
        """
        return self._generator(text, clip, prompt_id)

    def _generator(self, text: str, clip: Frames | None, prompt_id: str) -> DiffusersGenerator:
        pipeline = self.ready(for_frames(self.pipeline, 0 if clip is None else len(clip)))
        cls = type(pipeline)
        call = with_defaults(cls, self.call)
        if clip is not None:
            clip = fitted(pipeline, clip, call, self.fit, prompt_id)
        prompt = arguments(cls.__name__, text, clip, prompt_id, call)
        return DiffusersGenerator(pipeline, self.steps, **self.call | prompt)

    def ready(self, pipeline: Pipeline) -> Pipeline:
        """A pipeline whose encoders leave the device between prompts, if the model is set so; else the same one."""
        if self.offload is None:
            return pipeline
        pipeline = copy.copy(pipeline)
        memory.offload(pipeline, self.offload)
        return pipeline


def _place(pipeline: Pipeline, device: torch.device, offload_text: bool) -> torch.device | None:
    """Move the pipeline to its device, without encoders that are to be offloaded, for which the device is returned."""
    if not offload_text or device.type == "cpu":
        pipeline.to(device)
        return None
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module) and name not in memory.ENCODERS:
            part.to(device)
    return device


class DiffusersGenerator:
    """A pipeline driven step by step for one prompt. Implements contract.Generator."""

    def __init__(self, pipeline: Pipeline, steps: int, **call: Any):
        """Drive a pipeline.

        Args:
            pipeline: a copy of it is changed; weights are shared.
            steps: the number of steps of its schedule.
            call: the arguments of the ordinary pipeline call.

        Raises:
            UsageError: if the call is to start from a noised video.
        """
        self.pipe = copy.copy(pipeline)  # the hooks below are for this prompt only
        self.pipe.scheduler = one_step(pipeline.scheduler)
        self.family = families.of_class(type(pipeline))
        self.steps = steps
        self._call: Call = call
        parameters = inspect.signature(type(pipeline).__call__).parameters
        if "num_inference_steps" in parameters and "timesteps" not in call:
            self._call = {**call, "num_inference_steps": steps}
        self._reports = "callback_on_step_end" in parameters
        self._interruptible = hasattr(type(pipeline), "interrupt")  # on the class: no value before the first call
        self._particle: torch.Tensor | None = None
        self._idle = False
        self._noise: torch.Generator | None = None
        self._kept: tuple[torch.Tensor, list[Any], bool] | None = None
        self._drawn: torch.Tensor | None = None
        self._prepare = self.pipe.prepare_latents
        self.pipe.prepare_latents = self._prepare_with_particle
        for name in hooks.ONCE:
            hooks.compute_once(self.pipe, name)
        self.pipe.video_processor = copy.copy(pipeline.video_processor)
        for name in ("preprocess", "preprocess_video"):
            hooks.compute_once(self.pipe.video_processor, name, tensors=False)
        self.pipe.vae = hooks.mode_not_sample(pipeline.vae)
        self._refuse_strength(parameters)
        if self.family.adapt is not None:
            self.family.adapt(self.pipe, call)

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """Fresh noise; see contract.Generator."""
        self._run(0, None, noise, idle=True)
        assert self._drawn is not None
        return self._drawn.float()

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """x0_hat, with conditioned positions at their clean value; see contract.Generator."""
        x0 = self._run(k, x, noise, grad=grad)
        assert self._kept is not None
        return self._held(x0, *self._kept[:2]).float()

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Frames; see contract.Generator.

        A guardrail works in numpy, so with `grad` pipelines that have one decode straight from the autoencoder. Such
        frames are for gradients only, not for showing.
        """
        if not (grad and getattr(self.pipe, "safety_checker", None) is not None):
            video = self._run(0, x0, noise, idle=True, output="pt", grad=grad)[0].float()
            return video if self.family.trim is None else self.family.trim(video, self._call)
        unchecked = hooks.frames_of_vae(self.pipe, lambda: self._run(0, x0, noise, idle=True, output="pt", grad=True))
        processed: torch.Tensor = self.pipe.video_processor.postprocess_video(unchecked, output_type="pt")
        return processed[0].float()

    def path(self, k: int) -> Path:
        """(a, s, a', s') of step k; see contract.Generator."""
        if not hasattr(self.pipe.scheduler, "table"):
            self.draw(torch.Generator().manual_seed(0))  # the pipeline itself fills the table
        levels: Path = self.pipe.scheduler.table[k]
        return levels

    def _run(
        self, k: int, x: torch.Tensor | None, noise: torch.Generator, idle: bool = False, output: str = "latent",
        grad: bool = False,
    ) -> torch.Tensor:  # fmt: skip
        """Call the pipeline once: for step k from the particle x or, with `idle`, for drawing or decoding only."""
        self._particle, self._noise = x, noise
        seen: list[torch.Tensor] = []
        self._idle = idle and self._interruptible
        self.pipe.scheduler.at = self.steps if idle and not self._interruptible else k
        call = {**self._call, "generator": noise, "output_type": output}
        if self._reports:

            def report(pipe: Pipeline, i: int, t: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                seen.append(tensors["latents"])  # the full state, which the output is not in every family
                return {}

            call["callback_on_step_end"] = report
        run = type(self.pipe).__call__
        draws_globally = self.family.global_noise and call.get(self.family.global_noise) and not idle
        with hooks.global_noise(noise, self.pipe.transformer.device) if draws_globally else nullcontext():
            out = (inspect.unwrap(run) if grad else run)(self.pipe, **call)
        if seen and output == "latent":
            return seen[-1]
        result: torch.Tensor = out.frames if hasattr(out, "frames") else out[0]
        return result

    def _prepare_with_particle(self, *args: Any, **options: Any) -> Any:
        """In place of the pipeline's prepare_latents: the only place where a particle enters.

        What the pipeline itself prepares, latents of the right shape and its conditions, is prepared once.
        """
        if self._kept is None or self._particle is None:
            assert self._noise is not None
            noises = (
                self._noise if isinstance(self._noise, list) else [self._noise]
            )  # one per particle in a shared call
            before = [n.get_state() for n in noises]
            with torch.no_grad():
                out = self._prepare(*args, **options)
            new, *rest = out if isinstance(out, tuple) else (out,)
            self._kept = new.clone(), rest, isinstance(out, tuple)
            if self._particle is not None:
                for n, state in zip(noises, before, strict=True):
                    n.set_state(state)  # or this call would use other noise than the next one
        new, rest, is_tuple = self._kept
        x = new if self._particle is None else self._particle.to(new)
        # A copy, as some pipelines write into their latents; contiguous, as in bf16 the strides change the last bits.
        x = self._held(x, new, rest).clone(memory_format=torch.contiguous_format)
        if self._particle is None:
            self._drawn = x.clone()
        if self._idle:
            self.pipe._interrupt = True
        return (x, *rest) if is_tuple else x

    def _held(self, x: torch.Tensor, new: torch.Tensor, rest: list[Any]) -> torch.Tensor:
        """x with the conditioned positions at their clean value, so that nothing outside moves them."""
        return x if self.family.hold is None else self.family.hold(x, new, rest)

    def _refuse_strength(self, parameters: Mapping[str, inspect.Parameter]) -> None:
        """A table of one step cannot be cut again, as pipelines that start from a noised video do."""
        default = parameters["strength"].default if "strength" in parameters else 1.0
        strength = self._call.get("strength", default)
        if strength != 1.0:
            raise UsageError(
                f"generator.call.strength={strength}: {type(self.pipe).__name__} can only start from pure noise here; "
                "set generator.call.strength: 1.0, or continue a clip with a pipeline that takes frames"
            )
