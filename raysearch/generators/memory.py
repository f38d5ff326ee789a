"""What a job may ask of a loaded pipeline to take less memory or time: tiles, slices, chunks, offloading, compiling.

What an autoencoder cannot do is an error: by its class name before anything is loaded (`check`), for a class that is
not in these tables once it is there. How each decodes a long video by itself is in DECODES.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raysearch.errors import UsageError

ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3", "image_encoder", "connectors")
CONDITIONS = ("encode_prompt", "encode_image", "_encode_image")  # the only calls that run an encoder
NETWORKS = ("transformer", "transformer_2", "unet")
NO_TILES = ("AutoencoderKLTemporalDecoder",)
# How latent frames are decoded: always one by one, exactly; in batches with a cache of the past; in blended tiles.
ALWAYS, BATCHES, TILES = "always", "batches", "tiles"
DECODES = {
    "AutoencoderKLWan": ALWAYS,
    "AutoencoderKLCogVideoX": BATCHES,
    "AutoencoderKLMochi": BATCHES,
    "AutoencoderKLLTXVideo": TILES,
    "AutoencoderKLHunyuanVideo": TILES,
}


def check(config: Any, vae: str) -> None:
    """Raise UsageError for what this class of autoencoder cannot do. config: a `config.GeneratorConfig`."""
    if config.tiling and vae in NO_TILES:
        raise UsageError(f"generator.tiling=true: {vae} has no tiles; leave tiling off")
    n = config.decode_chunk
    if n is None:
        return
    how = DECODES.get(vae)
    if how == ALWAYS:
        raise UsageError(
            f"generator.decode_chunk={n}: {vae} always decodes one latent frame at a time; leave decode_chunk out"
        )
    if how is None:
        raise UsageError(
            f"generator.decode_chunk={n}: {vae} decodes a video whole; leave decode_chunk out, and try tiling. There "
            f"are chunks in {', '.join(k for k, v in DECODES.items() if v != ALWAYS)}"
        )
    if how == TILES and n < 2:
        raise UsageError(
            f"generator.decode_chunk={n}: {vae} blends overlapping chunks, which takes at least 2 latent frames"
        )


def prepare(pipeline: Any, config: Any) -> None:
    """Set what `config` asks for on a loaded pipeline. Raises UsageError as `check` does."""
    vae = pipeline.vae
    check(config, type(vae).__name__)
    for wanted, name in ((config.tiling, "tiling"), (config.slicing, "slicing")):
        if wanted:
            _enable(vae, name)
    if config.decode_chunk is not None:
        _in_chunks(vae, config.decode_chunk)
    if config.compile:
        for name in NETWORKS:
            if getattr(pipeline, name, None) is not None:
                getattr(pipeline, name).compile()


def _enable(vae: Any, name: str) -> None:
    try:
        getattr(vae, f"enable_{name}")()
    except (AttributeError, NotImplementedError):
        raise UsageError(f"generator.{name}=true: {type(vae).__name__} has no {name}; leave it off") from None


def _in_chunks(vae: Any, n: int) -> None:
    if DECODES[type(vae).__name__] == BATCHES:
        vae.use_framewise_decoding, vae.num_latent_frames_batch_size = True, n
        return
    vae.use_framewise_decoding = True
    vae.tile_sample_min_num_frames = n * vae.temporal_compression_ratio
    vae.tile_sample_stride_num_frames = (n - n // 4 if n > 3 else n - 1) * vae.temporal_compression_ratio


def encoders(pipeline: Any) -> list[Any]:
    """The parts that only conditions need."""
    return [m for m in (getattr(pipeline, n, None) for n in ENCODERS) if m is not None]


def offload(pipeline: Any, device: Any, rest: Any = "cpu") -> None:
    """Keep the encoders on `rest`; they come to `device` for the length of a call that needs them, once per prompt.

    The pipeline then is told its device: by itself it asks its first part, which may be an encoder.
    """
    parts = encoders(pipeline)
    _move(parts, rest)
    cls = type(pipeline)
    there = property(lambda self: device)
    pipeline.__class__ = type(cls.__name__, (cls,), {"device": there, "_execution_device": there})
    for name in CONDITIONS:
        if hasattr(pipeline, name):
            object.__setattr__(pipeline, name, _with_parts(getattr(pipeline, name), parts, device, rest))


def _with_parts(method: Any, parts: Iterable[Any], device: Any, rest: Any) -> Any:
    def method_with_parts(*args: Any, **options: Any) -> Any:
        _move(parts, device)
        try:
            return method(*args, **options)
        finally:
            _move(parts, rest)

    return method_with_parts


def _move(parts: Iterable[Any], device: Any) -> None:
    for part in parts:
        part.to(device)
