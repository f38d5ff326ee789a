"""`generator.preview`: a cheaper decode of what a search reads before a video is finished.

Either a tiny decoder (tiny_decoder.py) stands in for the autoencoder, or the autoencoder decodes smaller latents, or
both. It stands in where every pipeline decodes, `pipe.vae.decode`; the configuration by which a pipeline undoes the
normalisation of latents is made neutral for the time, because a tiny decoder takes latents as the network makes them.
Finished videos, films and guides are always decoded whole.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raysearch.config.cheaper import Preview
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.declare import Autoencoder, Config, Pipeline
from raysearch.generators.families import AUTOENCODERS, MODELS
from raysearch.names import lookup
from raysearch.pretrained import single

if TYPE_CHECKING:
    import torch

    from raysearch.generators.tiny_decoder import Layout, TinyDecoder

KEY = "generator.preview"
NEUTRAL: Mapping[str, Any] = {"scaling_factor": 1.0, "shift_factor": 0.0, "timestep_conditioning": False}
FACTORS = ("vae_scaling_factor", "vae_scaling_factor_image")  # what some pipelines read of it once
MEAN, INVERSE = "_vae_latents_mean", "_vae_latents_inv_std"  # and others
CHANNELS = ("z_dim", "latent_channels")  # how autoencoders call the channels of their latents


@dataclass(frozen=True)
class PreviewDecode:
    """How the reads of a search that are not final are decoded.

    Attributes:
        name: what an Outcome says of it.
        decoder: in place of the autoencoder; None for the autoencoder itself.
        size: scale of height and width of the latents that are decoded.
    """

    name: str
    decoder: TinyDecoder | None = None
    size: float = 1.0


def check(config: GeneratorConfig, vae: str, vae_config: Config) -> None:
    """Check the settings, and the header of the decoder's file, before anything is loaded.

    Args:
        config: the generator's settings.
        vae: the class of the model's autoencoder.
        vae_config: its configuration.

    Raises:
        UsageError: for an unknown key, and for a file that is no tiny decoder of this model's latents.
    """
    for key in config.preview:
        lookup(f"{KEY}: key", key, dict.fromkeys(Preview.__annotations__))
    file = located(config)
    if file is not None:
        from raysearch.generators import tiny_decoder

        fits(tiny_decoder.layout(single.shapes(file), _decoder(config), f"{KEY}.decoder"), config, vae, vae_config)


def fits(layout: Layout, config: GeneratorConfig, vae: str, vae_config: Config) -> None:
    """Raise UsageError for a decoder whose latents or whose frames are not those of the model's autoencoder."""
    declared = AUTOENCODERS.get(vae, Autoencoder(vae))
    covered = declared.covers(vae_config) if declared.chunks is None else None  # those come and go in chunks
    channels = next((int(vae_config[name]) for name in CHANNELS if vae_config.get(name)), None)
    key = f"{KEY}.decoder={_decoder(config)!r}"
    if covered is None:
        raise UsageError(f"{key}: {vae} is not known to make videos of latent frames; set {KEY}.size instead")
    own, its = (layout.time, layout.space), covered
    if own != its:
        raise UsageError(
            f"{key}: makes {own[0]} frames of {own[1]} pixels a side of each latent, {vae} {its[0]} of {its[1]}; give "
            "the tiny decoder of this model"
        )
    if channels is not None and channels != layout.channels:
        raise UsageError(
            f"{key}: takes latents of {layout.channels} channels, those of {vae} have {channels}; give the tiny "
            "decoder of this model"
        )


def located(config: GeneratorConfig) -> Path | None:
    """The file of the tiny decoder; None where the settings name none."""
    name = _decoder(config)
    if not name:
        return None
    shipped = MODELS.get(name)
    if shipped is not None and shipped.preview is not None:
        name = str(shipped.preview())
    return single.locate(name, f"{KEY}.decoder", revision=config.preview.get("revision"))


def _decoder(config: GeneratorConfig) -> str:
    return config.preview.get("decoder", "")


def name(config: GeneratorConfig) -> str:
    """What an Outcome says of a read that was decoded so."""
    size = config.preview.get("size", 1.0)
    parts = [Path(_decoder(config)).stem] if _decoder(config) else []
    return ", ".join([*parts, *([f"size {size:g}"] if size != 1 else [])])


def load(config: GeneratorConfig, pipeline: Pipeline) -> PreviewDecode | None:
    """What the settings ask for, for a loaded pipeline; None where they ask for nothing.

    Raises:
        UsageError: as `check`.
    """
    if not name(config):
        return None
    file, decoder = located(config), None
    if file is not None:
        from raysearch.generators import tiny_decoder

        decoder = tiny_decoder.load(file, f"{KEY}.decoder")
        fits(decoder.layout, config, type(pipeline.vae).__name__, pipeline.vae.config)
        decoder = decoder.to(pipeline.vae.device, pipeline.vae.dtype)
    return PreviewDecode(name(config), decoder, config.preview.get("size", 1.0))


@contextmanager
def applied(generator: Any, previews: PreviewDecode) -> Iterator[None]:
    """Within, a generator on a pipeline decodes so."""
    import torch

    from raysearch.generators.gradient import economical

    pipe = generator.pipe
    before = {name: getattr(pipe, name) for name in ("vae", *FACTORS, MEAN, INVERSE) if hasattr(pipe, name)}
    if previews.decoder is not None:
        for name in before.keys() - {"vae"}:
            setattr(pipe, name, 1.0 if name in FACTORS else torch.full_like(before[name], float(name == INVERSE)))
        pipe.vae = _standing_in(before["vae"], previews.decoder)
    try:
        with economical(generator, shrink=previews.size):
            yield
    finally:
        for name, value in before.items():
            setattr(pipe, name, value)


def _standing_in(vae: Any, decoder: TinyDecoder) -> Any:
    """A copy of an autoencoder that decodes by `decoder`, and of which a pipeline reads no normalisation."""
    import torch
    from diffusers.configuration_utils import FrozenDict

    result, n = copy.copy(vae), decoder.layout.channels
    plain = {**NEUTRAL, "latents_mean": [0.0] * n, "latents_std": [1.0] * n}
    known = {key: value for key, value in plain.items() if vae.config.get(key) is not None}
    buffers = {"latents_mean": torch.zeros(n), "latents_std": torch.ones(n)}
    own = {key: buffers[key].to(value) if key in buffers and value is not None else value
           for key, value in vae._buffers.items()}  # fmt: skip

    def decode(z: torch.Tensor, *_: Any, return_dict: bool = True, **__: Any) -> Any:
        from diffusers.models.autoencoders.vae import DecoderOutput

        video = torch.stack([decoder(each.transpose(0, 1)).transpose(0, 1) for each in z.to(vae.dtype)]) * 2 - 1
        return DecoderOutput(sample=video) if return_dict else (video,)

    object.__setattr__(result, "_internal_dict", FrozenDict({**vae.config, **known}))
    object.__setattr__(result, "_buffers", own)
    object.__setattr__(result, "decode", decode)
    return result
