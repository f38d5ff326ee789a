"""What a job may ask of a loaded pipeline to take less memory or time: tiles, slices, pieces, offloading, compiling.

What an autoencoder cannot do is an error: before anything is loaded if a family declares its class (`check`), for any
other class once it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.declare import Autoencoder, Pipeline
from raysearch.generators.families import AUTOENCODERS
from raysearch.pretrained import Deferred

ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3", "image_encoder")
CONDITIONS = ("encode_prompt", "encode_image", "_encode_image")  # the only calls that run an encoder
WAITING = "encoders_wait"  # the attribute of a pipeline that says which parts wait, and where
NETWORKS = ("transformer", "transformer_2", "unet")


def check(config: GeneratorConfig, vae: str) -> None:
    """Raise UsageError for what a class of autoencoder, given by its name, cannot do."""
    declared = AUTOENCODERS.get(vae, Autoencoder(vae))
    if config.tiling and not declared.tiles:
        raise UsageError(f"generator.tiling=true: {vae} has no tiles; leave tiling off")
    n = config.decode_chunk
    if n is None:
        return
    key = f"generator.decode_chunk={n}: {vae}"
    if declared.always:
        raise UsageError(f"{key} always decodes {declared.always} latent frames at a time; leave decode_chunk out")
    if not declared.least:
        able = ", ".join(a.name for a in AUTOENCODERS.values() if a.least)
        raise UsageError(
            f"{key} cannot decode in pieces; leave decode_chunk out, and {declared.instead}. "
            f"Autoencoders that can are {able}"
        )
    if n < declared.least:
        raise UsageError(f"{key} blends overlapping pieces, which takes at least {declared.least} latent frames")


def prepare(pipeline: Pipeline, config: GeneratorConfig) -> None:
    """Set what the job asks for on a loaded pipeline. Raises UsageError as `check` does."""
    vae = pipeline.vae
    check(config, type(vae).__name__)
    for wanted, name in ((config.tiling, "tiling"), (config.slicing, "slicing")):
        if wanted:
            _enable(vae, name)
    if config.decode_chunk is not None:
        _decode_in_pieces(vae, config.decode_chunk)
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
    except NotImplementedError:  # how diffusers refuses it
        raise refused from None


def _decode_in_pieces(vae: Any, n: int) -> None:
    """Make an autoencoder decode n latent frames at a time."""
    vae.use_framewise_decoding = True
    if hasattr(vae, "num_latent_frames_batch_size"):
        vae.num_latent_frames_batch_size = n
    if hasattr(vae, "tile_sample_min_num_frames"):  # a quarter of each tile is blended with the next
        vae.tile_sample_min_num_frames = n * vae.temporal_compression_ratio
        vae.tile_sample_stride_num_frames = (n - max(n // 4, 1)) * vae.temporal_compression_ratio


def encoders(pipeline: Pipeline) -> list[Any]:
    """The parts that are needed for conditions only."""
    return [m for m in (getattr(pipeline, n, None) for n in ENCODERS) if m is not None]


def load_encoders(pipeline: Pipeline) -> None:
    """Load the encoders that wait until they are needed."""
    for name in ENCODERS:
        part = getattr(pipeline, name, None)
        if isinstance(part, Deferred):
            setattr(pipeline, name, part.get())


def place(pipeline: Pipeline, device: Any) -> None:
    """Put all parts on a device; encoders that are not loaded, when they are."""
    waiting = {name: part for name in ENCODERS if isinstance(part := getattr(pipeline, name, None), Deferred)}
    for name in waiting:
        setattr(pipeline, name, None)  # diffusers looks at each part
    pipeline.to(device)
    for name, part in waiting.items():
        setattr(pipeline, name, part)
        part.then(lambda loaded: None if getattr(loaded, "is_loaded_in_8bit", False) else loaded.to(device))


def offload(pipeline: Pipeline, device: Any, rest: Any = "cpu") -> None:
    """Keep the encoders on the device `rest` except during calls that need them, once per prompt.

    The pipeline is then told its device: by itself it takes that of its first part, which may be an encoder.
    """
    parts = encoders(pipeline)
    _move((part for part in parts if not (isinstance(part, Deferred) and part.waiting)), rest)
    cls = type(pipeline)
    fixed = property(lambda self: device)
    told = {"device": fixed, "_execution_device": fixed, "_get_execution_device": lambda self: device}
    pipeline.__class__ = type(cls.__name__, (cls,), told)
    object.__setattr__(pipeline, WAITING, (parts, device, rest))
    for name in CONDITIONS:
        if hasattr(pipeline, name):
            object.__setattr__(pipeline, name, _with_parts(getattr(pipeline, name), parts, device, rest))


def _with_parts(method: Callable[..., Any], parts: Iterable[Any], device: Any, rest: Any) -> Callable[..., Any]:
    def method_with_parts(*args: Any, **options: Any) -> Any:
        with _moved(parts, device, rest):
            return method(*args, **options)

    return method_with_parts


@contextmanager
def encoding(pipeline: Pipeline) -> Iterator[None]:
    """Within, the encoders of a pipeline are on its device, for pipelines that use them outside of CONDITIONS."""
    waiting = getattr(pipeline, WAITING, None)
    with nullcontext() if waiting is None else _moved(*waiting):
        yield


@contextmanager
def _moved(parts: Iterable[Any], device: Any, rest: Any) -> Iterator[None]:
    _move(parts, device)
    try:
        yield
    finally:
        _move(parts, rest)


def _move(parts: Iterable[Any], device: Any) -> None:
    for part in parts:
        part.to(device)
