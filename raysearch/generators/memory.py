"""What a job may ask of a loaded pipeline to take less memory or time: tiles, slices, chunks, offloading, compiling.

What an autoencoder cannot do is an error: by its class name before anything is loaded (`check`), for a class that is
not in these tables once it is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raysearch.errors import UsageError

ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3", "image_encoder")
CONDITIONS = ("encode_prompt", "encode_image", "_encode_image")  # the only calls that run an encoder
NETWORKS = ("transformer", "transformer_2", "unet")
NO_TILES = ("AutoencoderKLTemporalDecoder",)
# Latent frames that these decode at a time whatever a video's length, with a cache of the past, and no others.
BY_ITSELF = {"AutoencoderKLWan": 1, "AutoencoderKLCogVideoX": 2}
# These can decode in pieces of so many latent frames at least, blended or with a cache: other pixels, less memory.
PIECES = {"AutoencoderKLMochi": 1, "AutoencoderKLLTXVideo": 2, "AutoencoderKLHunyuanVideo": 2}


def check(config: Any, vae: str) -> None:
    """Raise UsageError for what this class of autoencoder cannot do. config: a `config.GeneratorConfig`."""
    if config.tiling and vae in NO_TILES:
        raise UsageError(f"generator.tiling=true: {vae} has no tiles; leave tiling off")
    n = config.decode_chunk
    if n is None:
        return
    told = f"generator.decode_chunk={n}: {vae}"
    if vae in BY_ITSELF:
        raise UsageError(f"{told} always decodes {BY_ITSELF[vae]} latent frames at a time; leave decode_chunk out")
    if vae not in PIECES:
        own = ", and set call.decode_chunk_size" if vae == "AutoencoderKLTemporalDecoder" else ", and try tiling"
        raise UsageError(f"{told} has no pieces; leave decode_chunk out{own}. There are pieces in {', '.join(PIECES)}")
    if n < PIECES[vae]:
        raise UsageError(f"{told} blends overlapping pieces, which takes at least {PIECES[vae]} latent frames")


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
    refused = UsageError(f"generator.{name}=true: {type(vae).__name__} has no {name}; leave it off")
    enable = getattr(vae, f"enable_{name}", None)
    if enable is None:
        raise refused
    try:
        enable()
    except NotImplementedError:  # diffusers' own way of saying so
        raise refused from None


def _in_chunks(vae: Any, n: int) -> None:
    vae.use_framewise_decoding = True
    if hasattr(vae, "num_latent_frames_batch_size"):
        vae.num_latent_frames_batch_size = n
    if hasattr(vae, "tile_sample_min_num_frames"):  # a quarter of each tile is blended with the next
        vae.tile_sample_min_num_frames = n * vae.temporal_compression_ratio
        vae.tile_sample_stride_num_frames = (n - max(n // 4, 1)) * vae.temporal_compression_ratio


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
