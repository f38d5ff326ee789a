"""One diffusers pipeline, driven step by step for one prompt: one pipeline call is one step.

The scheduler predicts instead of moving (one_step.py), the particle enters where the pipeline prepares its latents, and
draw and decode are the same call with the loop's body skipped. So conditioned tokens, guidance and the network's dtype
are handled by the pipeline, and a chain of steps equals the unsplit run by construction. Conditions are computed once.
"""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from raysearch.errors import UsageError
from raysearch.generators import families, hooks, inputs
from raysearch.generators.cheaper import preview
from raysearch.generators.conditions import Answers, Conditions, arrived, carried
from raysearch.generators.contract import Path
from raysearch.generators.declare import Call, Pipeline
from raysearch.generators.memory import CONDITIONS, NETWORKS
from raysearch.generators.one_step import one_step
from raysearch.generators.trial import Trial


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
        self.family = families.of(type(pipeline))
        self.steps = steps
        self.previews: preview.PreviewDecode | None = None  # how reads that are not final are decoded
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
        self._output: Any = None  # what the pipeline returned last
        self._prepare = self.pipe.prepare_latents
        self.pipe.prepare_latents = self._prepare_with_particle
        self.answers: Answers = {}  # of the encoders
        for name in hooks.ONCE:
            if name in CONDITIONS:
                hooks.compute_once_by_content(self.pipe, name, self.answers)
            else:
                hooks.compute_once(self.pipe, name)
        self.pipe.video_processor = copy.copy(pipeline.video_processor)
        for name in ("preprocess", "preprocess_video"):
            hooks.compute_once(self.pipe.video_processor, name, tensors=False)
        self.pipe.vae = hooks.mode_not_sample(pipeline.vae)
        self._start_late(parameters)
        self._tried = not self.family.probed
        for network in filter(None, (getattr(pipeline, name, None) for name in NETWORKS)):
            inputs.check_network(type(pipeline), network.config)
        if self.family.adapt is not None:
            self.family.adapt(self.pipe, call)

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """Fresh noise; see contract.Generator."""
        self._run(0, None, noise, idle=True)
        assert self._drawn is not None
        return self._drawn.float()

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """x0_hat, with conditioned positions at their clean value; see contract.Generator."""
        trial = None if self._tried else Trial(self.pipe)
        x0 = self._run(k, x, noise, grad=grad)
        if trial is not None:
            trial.end(x, x0)
            self._tried = True
        assert self._kept is not None
        return self._held(x0, *self._kept[:2]).float()

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Frames; see contract.Generator.

        A guardrail works in numpy, so with `grad` pipelines that have one decode straight from the autoencoder. Such
        frames are for gradients only, not for showing.
        """
        if not (grad and getattr(self.pipe, "safety_checker", None) is not None):
            made = self._run(0, x0, noise, idle=True, output="pt", grad=grad)
            video = (made if self.family.single else made[0]).float()
            return video if self.family.trim is None else self.family.trim(video, self._call)
        unchecked = hooks.frames_of_vae(self.pipe, lambda: self._run(0, x0, noise, idle=True, output="pt", grad=True))
        processed: torch.Tensor = self.pipe.video_processor.postprocess_video(unchecked, output_type="pt")
        return processed[0].float()

    @contextmanager
    def previewing(self) -> Iterator[str]:
        """Within, `decode` is that of `generator.preview`; see contract.Previewing."""
        if self.previews is None:
            yield ""
            return
        if self._kept is None:
            self.draw(torch.Generator().manual_seed(0))  # conditions are encoded by the model's own autoencoder
        with preview.applied(self, self.previews):
            yield self.previews.name

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
                self._report(tensors)
                seen.append(tensors["latents"])  # the full state, which the output is not in every family
                return {}

            call["callback_on_step_end"] = report
        run = type(self.pipe).__call__
        draws_globally = self.family.global_noise and call.get(self.family.global_noise) and not idle
        with hooks.global_noise(noise, self.pipe.transformer.device) if draws_globally else nullcontext():
            out = self._output = (inspect.unwrap(run) if grad else run)(self.pipe, **call)
        if len(self.pipe.scheduler.table) != self.steps:
            raise UsageError(
                f"generator.steps={self.steps}: {type(self.pipe.scheduler).__mro__[2].__name__} makes "
                f"{len(self.pipe.scheduler.table)} steps of them; give as many steps as it makes, and a scheduler of "
                "one step per time"
            )
        if seen and output == "latent":
            return seen[-1]
        result: torch.Tensor = out.frames if hasattr(out, "frames") else out[0]
        return result

    def _report(self, tensors: dict[str, Any]) -> None:
        """What else the pipeline reports after its step, for pipelines of several tensors."""

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

    def conditions(self) -> Conditions | None:
        """What the encoders answer for the prompt; see contract.Conditioned."""
        if not self.answers:
            self.draw(torch.Generator().manual_seed(0))  # the pipeline itself knows what to ask
        return carried(self.answers)

    def take(self, conditions: Conditions) -> None:
        """Use these answers in place of the encoders."""
        self.answers.update(arrived(conditions, torch.device(self.pipe._execution_device)))

    def origin(self) -> torch.Tensor | None:
        """The clean latents from which the state at step 0 is noised; None where it is pure noise."""
        if not self.family.redraws:
            return None
        if self.pipe.scheduler.origin is None:
            self.draw(torch.Generator().manual_seed(0))
        clean: torch.Tensor = self.pipe.scheduler.origin
        return clean.float()

    def _start_late(self, parameters: Mapping[str, inspect.Parameter]) -> None:
        """Let the pipeline start from a noised video: `steps` counts the steps that are taken, so the table has more.

        Raises:
            UsageError: where no family says that the class does so, or no step would be taken.
        """
        default = parameters["strength"].default if "strength" in parameters else 1.0
        strength = self._call.get("strength", default)
        if not self.family.redraws:
            if strength != 1.0:
                raise UsageError(
                    f"generator.call.strength={strength}: {type(self.pipe).__name__} can only start from pure noise "
                    "here; set generator.call.strength: 1.0, or continue a clip with a pipeline that takes frames"
                )
            return
        if not 0 < strength <= 1:
            raise UsageError(f"generator.call.strength={strength}: give a number above 0, up to 1")
        whole = next(n for n in itertools.count(self.steps) if int(n * strength) >= self.steps)
        self._call["num_inference_steps"] = whole
        self.pipe.scheduler.skip = whole - self.steps
        self.pipe.get_timesteps = lambda steps, times, strength, device: (times, steps)  # the table is cut already
