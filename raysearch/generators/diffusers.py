"""Any diffusers video pipeline as a generator: loaded once per replica, driven step by step for each prompt.

`stepping.DiffusersGenerator` makes the steps; this file loads the pipeline, places it, and turns prompts into calls.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

from raysearch import pretrained
from raysearch.config.settings import GeneratorConfig
from raysearch.generators import cheaper, families, memory, model_files, parts
from raysearch.generators.cheaper import adapters, placement, preview, quantization
from raysearch.generators.classes import for_frames, refuse_unknown
from raysearch.generators.conditioning import arguments, fitted, own_names, taken, with_defaults
from raysearch.generators.conditions import Conditions
from raysearch.generators.contract import Generator
from raysearch.generators.declare import Call, Frames, Pipeline
from raysearch.generators.inside import WithSoundInside
from raysearch.generators.modular import ModularGenerator
from raysearch.generators.several import WithSound
from raysearch.generators.stepping import DiffusersGenerator
from raysearch.pretrained import modular
from raysearch.prompts import Prompt, frames
from raysearch.videos import Fit

__all__ = ["DiffusersGenerator", "DiffusersModel"]


class DiffusersModel:
    """A loaded pipeline; `on(prompt)` returns the generator for one prompt.

    Attributes:
        pipeline: the diffusers pipeline; its weights are frozen.
        steps: steps of one generator.
        fps: frames per second of the videos.
        offload: the device of the networks if the encoders are kept off it while they are not needed, else None.
        fit: how conditioning frames get the shape of the video (generator.fit).
        previews: how reads that are not final are decoded, None for as all others (generator.preview).
        call: the arguments of the ordinary pipeline call that no prompt changes.
    """

    def __init__(
        self, pipeline: Pipeline, steps: int, fps: float, /, settings: GeneratorConfig | None = None,
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
            elif isinstance(part, pretrained.Deferred):
                part.then(lambda loaded: loaded.requires_grad_(False))
        if settings is not None:
            memory.prepare(pipeline, settings)
        self.pipeline, self.steps, self.fps, self.offload = pipeline, steps, fps, offload
        self.fit: Fit = "crop" if settings is None else settings.fit
        self.previews = None if settings is None else preview.load(settings, pipeline)
        self.call = own_names(type(pipeline), call)

    @classmethod
    def load(cls, config: GeneratorConfig, device: str = "cpu") -> DiffusersModel:
        """Load from a folder, the hub, or the models that ship with raysearch (families.MODELS).

        Encoders are loaded when a prompt needs them, or by `load_encoders`. Weights are read from safetensors alone,
        and code that a model brings runs only if `config.trust_remote_code` is True.

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
        name = model_files.pipeline_class(config)
        if not trusted:
            refuse_unknown(config.pipeline_call(), name)
        cheaper.check_device(config, device)
        pipeline = _loaded(config, name, folder, trusted)
        adapters.load(pipeline, config)
        placement.prepare(pipeline, config)
        parts.set_scheduler(pipeline, config.scheduler)
        assert config.steps is not None and config.fps is not None
        options: dict[str, Any] = {"offload": _place(pipeline, torch.device(device), config)}
        if config.chunks > 1:
            options["chunks"] = config.chunks
        call = parts.set_guider(pipeline, parts.with_rate(config, name).pipeline_call())
        return cls(pipeline, config.steps, config.fps, settings=config, **options, **call)

    def load_encoders(self) -> None:
        """Load the encoders now; see contract.Encoding."""
        memory.load_encoders(self.pipeline)

    def on(self, prompt: Prompt, conditions: Conditions | None = None) -> Generator:
        """The generator for one prompt, with conditions that another process has computed; see contract.Encoding."""
        return self.given(prompt.text, frames(prompt, self.fps), prompt.id, conditions)

    def given(self, text: str, clip: Frames | None, prompt_id: str, conditions: Conditions | None = None) -> Generator:
        """The generator for a text and conditioning frames, uint8 [T, H, W, 3], and its conditions if they are known.

        Raises:
            UsageError: if the pipeline cannot do the prompt.
        """
        return self._generator(text, clip, prompt_id, conditions)

    def _generator(
        self, text: str, clip: Frames | None, prompt_id: str, conditions: Conditions | None
    ) -> DiffusersGenerator | ModularGenerator:
        pipeline = self.ready(for_frames(self.pipeline, 0 if clip is None else len(clip)))
        cls = type(pipeline)
        call = with_defaults(cls, self.call)
        if clip is not None:
            clip = fitted(pipeline, clip, call, self.fit, prompt_id)
        prompt = arguments(cls, text, clip, prompt_id, call)
        generator = driver(cls, call)(pipeline, self.steps, **taken(cls, self.call) | prompt)
        generator.previews = self.previews
        if conditions is not None:
            generator.take(conditions)
        return generator

    def ready(self, pipeline: Pipeline) -> Pipeline:
        """A pipeline whose encoders leave the device between prompts, if the model is set so; else the same one."""
        if self.offload is None:
            return pipeline
        pipeline = copy.copy(pipeline)
        memory.offload(pipeline, self.offload)
        return pipeline


def driver(cls: type, call: Call) -> type[DiffusersGenerator | ModularGenerator]:
    """What drives pipelines of a class step by step, with these arguments of their call."""
    declared = families.of(cls)
    if declared.blocks is not None:
        return ModularGenerator
    if declared.sound_if and call.get(declared.sound_if):
        return WithSoundInside
    return WithSound if declared.sound else DiffusersGenerator


def _loaded(config: GeneratorConfig, name: str, folder: str, trusted: bool) -> Pipeline:
    """The pipeline of a model, of the class of this name."""
    dtypes, quantized = parts.dtypes(config), quantization.makers(config)
    revision, later = config.revision, memory.ENCODERS
    if (blocks := families.of(name).blocks) is None:
        return pretrained.pipeline(folder, "generator.model", revision, trusted, dtypes, quantized, later)
    index, workflows = model_files.index_file(config), blocks.workflows.values()
    return modular.pipeline(
        parts.class_of(name), index, workflows, folder, "generator.model", revision, dtypes, quantized, later
    )


def _place(pipeline: Pipeline, device: torch.device, config: GeneratorConfig) -> torch.device | None:
    """Move the pipeline to its device, without what is to be offloaded, for which the device is returned."""
    if device.type == "cpu" or not (config.offload_text or config.offload):
        memory.place(pipeline, device)
        return None
    waiting = (*memory.ENCODERS, *memory.NETWORKS, "vae") if config.offload else memory.ENCODERS
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module) and name not in waiting:
            part.to(device)
    if config.offload:
        placement.offload(pipeline, config, device)
    return device
