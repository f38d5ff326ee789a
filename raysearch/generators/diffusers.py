"""Any diffusers video pipeline as a generator: one pipeline call is one step.

The scheduler predicts instead of moving (one_step.py), the particle enters where the pipeline prepares its latents, and
draw and decode are the same call with the loop's body skipped. So conditioned tokens, guidance and the network's dtype
stay the pipeline's business, and a chain of steps equals the unsplit run by construction. Conditions are computed once.
"""

from __future__ import annotations

import copy
import inspect
from contextlib import nullcontext
from typing import Any

import torch

from raysearch.errors import UsageError
from raysearch.generators import hooks, memory
from raysearch.generators.classes import for_frames, refuse_unknown
from raysearch.generators.conditioning import Frames, arguments, own_names, with_defaults
from raysearch.generators.feasible import pipeline_class
from raysearch.generators.one_step import one_step
from raysearch.prompts import Prompt, frames


class DiffusersModel:
    """A loaded pipeline; `on(prompt)` gives the generator for one prompt.

    settings: a `config.GeneratorConfig`, of which tiles, slices, chunks of decoding and compiling are read here.
    offload: the device of the networks, where the encoders are to stay off it while they are not needed. call: the
    arguments of the ordinary pipeline call that no prompt changes. Raises UsageError for what the autoencoder cannot.
    """

    def __init__(
        self, pipeline: Any, steps: int, fps: float, settings: Any = None, offload: torch.device | None = None,
        **call: Any,
    ):  # fmt: skip
        pipeline.set_progress_bar_config(disable=True)
        for part in pipeline.components.values():
            if isinstance(part, torch.nn.Module):
                part.eval().requires_grad_(False)
        if settings is not None:
            memory.prepare(pipeline, settings)
        self.pipeline, self.steps, self.fps, self.offload = pipeline, steps, fps, offload
        self.call = own_names(type(pipeline), call)

    @classmethod
    def load(cls, config: Any, device: str = "cpu") -> DiffusersModel:
        """By the ordinary from_pretrained: safetensors only, no remote code unless config.trust_remote_code is True.

        `tiny` ships with raysearch.
        """
        from diffusers import DiffusionPipeline
        from diffusers.utils import logging
        from transformers.utils import logging as transformers_logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        transformers_logging.disable_progress_bar()
        folder = config.model
        if config.model == "tiny":
            import raysearch.tinyworld.codec  # noqa: F401  diffusers looks the class up, but does not import it
            from raysearch.tinyworld import weights

            folder = str(weights("generator"))
        name, trusted = pipeline_class(config), config.trust_remote_code is True
        if not trusted:
            refuse_unknown(config.pipeline_call(), name)
        try:
            pipeline = DiffusionPipeline.from_pretrained(
                folder, dtype=getattr(torch, config.dtype), revision=config.revision, use_safetensors=True,
                trust_remote_code=trusted,
            )  # fmt: skip
        except ValueError as error:
            if trusted or "trust_remote_code" not in str(error):
                raise
            raise UsageError(
                f"generator.model={config.model!r}: a part brings its own code; read it, and if it may run here, set "
                "generator.trust_remote_code=true"
            ) from None
        where, options = torch.device(device), dict(config.pipeline_call())
        if config.chunks > 1:
            options["chunks"] = config.chunks
        if config.offload_text and where.type != "cpu":
            for name, part in pipeline.components.items():
                if isinstance(part, torch.nn.Module) and name not in memory.ENCODERS:
                    part.to(where)
            options["offload"] = where
        else:
            pipeline.to(where)
        return cls(pipeline, config.steps, config.fps, settings=config, **options)

    def on(self, prompt: Prompt) -> Any:
        return self.given(prompt.text, frames(prompt, self.fps), prompt.id)

    def given(self, text: str, clip: Frames | None, prompt_id: str) -> Any:
        """The generator for a text and conditioning frames. Raises UsageError where the pipeline cannot do it."""
        pipeline = self.ready(for_frames(self.pipeline, 0 if clip is None else len(clip)))
        cls = type(pipeline)
        prompt = arguments(cls.__name__, text, clip, prompt_id, with_defaults(cls, self.call))
        return DiffusersGenerator(pipeline, self.steps, **self.call | prompt)

    def ready(self, pipeline: Any) -> Any:
        """The pipeline with its encoders off the device between prompts, if so wanted; else itself."""
        if self.offload is None:
            return pipeline
        pipeline = copy.copy(pipeline)
        memory.offload(pipeline, self.offload)
        return pipeline


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
        for name in hooks.ONCE:
            hooks.compute_once(self.pipe, name)
        self.pipe.video_processor = copy.copy(pipeline.video_processor)
        for name in ("preprocess", "preprocess_video"):
            hooks.compute_once(self.pipe.video_processor, name, tensors=False)
        self.pipe.vae = hooks.mode_not_sample(pipeline.vae)
        self._refuse_strength(parameters)
        if "noise_aug_strength" in parameters:
            default = parameters["noise_aug_strength"].default
            hooks.same_noise_on_the_image(self.pipe, call.get("noise_aug_strength", default))

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        self._run(0, None, noise, idle=True)
        assert self._drawn is not None
        return self._drawn.float()

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        x0 = self._run(k, x, noise, grad=grad)
        assert self._kept is not None
        return hooks.held(self.pipe, x0, *self._kept[:2]).float()

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """With grad, Cosmos decodes straight from the VAE: its guardrail works in numpy. Such frames are for gradients,
        not for showing."""
        if not (grad and type(self.pipe).__name__.startswith("Cosmos")):
            frames = self._run(0, x0, noise, idle=True, output="pt", grad=grad)[0].float()
            return hooks.shown(self.pipe, frames, self._call)
        frames = hooks.frames_of_vae(self.pipe, lambda: self._run(0, x0, noise, idle=True, output="pt", grad=True))
        return self.pipe.video_processor.postprocess_video(frames, output_type="pt")[0].float()

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
        noised = call.get("addnoise_condition") and not idle
        with hooks.global_noise(noise, self.pipe.transformer.device) if noised else nullcontext():
            out = (inspect.unwrap(run) if grad else run)(self.pipe, **call)
        if seen and output == "latent":
            return seen[-1]
        return out.frames if hasattr(out, "frames") else out[0]

    def _prepare_with_particle(self, *args: Any, **options: Any) -> Any:
        """The only place where a particle enters. The pipeline's own conditions are prepared once."""
        if self._kept is None or self._particle is None:
            assert self._noise is not None
            noises = self._noise if isinstance(self._noise, list) else [self._noise]  # one each where particles share
            before = [n.get_state() for n in noises]
            with torch.no_grad():
                out = self._prepare(*args, **options)
            new, *rest = out if isinstance(out, tuple) else (out,)
            self._kept = new.clone(), rest, isinstance(out, tuple)
            if self._particle is not None:
                for n, state in zip(noises, before, strict=True):
                    n.set_state(state)  # or this call would go on with other noise than the next
        new, rest, is_tuple = self._kept
        x = new if self._particle is None else self._particle.to(new)
        # A copy, as some pipelines write into their latents; contiguous, as in bf16 the strides change the last bits.
        x = hooks.held(self.pipe, x, new, rest).clone(memory_format=torch.contiguous_format)
        if self._particle is None:
            self._drawn = x.clone()
        if self._idle:
            self.pipe._interrupt = True
        return (x, *rest) if is_tuple else x

    def _refuse_strength(self, parameters: Any) -> None:
        """A table of one step cannot be cut again, as pipelines that start from a noised video do."""
        default = parameters["strength"].default if "strength" in parameters else 1.0
        strength = self._call.get("strength", default)
        if strength != 1.0:
            raise UsageError(
                f"generator.call.strength={strength}: {type(self.pipe).__name__} can only start from pure noise here; "
                "set generator.call.strength: 1.0, or continue a clip with a pipeline that takes frames"
            )
