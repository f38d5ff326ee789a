"""MiniMax-H3: video with sound, from a text or from a text and the first frame.

diffusers has it as a modular pipeline, whose blocks modular.py drives. A particle is the rows of the video and those of
the sound; the rows of the given frame stand before them and are no part of it, so the network sees that frame and is
free to follow. Its guidance is distilled, its steps are one fewer than the times that its scheduler is asked for.
"""

from __future__ import annotations

import math

from raysearch.generators.blocks import BlockRoles
from raysearch.generators.declare import (
    TEXT_IMAGE,
    Autoencoder,
    Call,
    Config,
    Pipeline,
    PipelineClass,
    Size,
    image,
)
from raysearch.generators.lengths import Chunks

FACTORS = {"temporal": (1, 2, 2, 1, 1, 1), "spatial": (2, 2, 2, 2, 1, 1)}  # where a configuration leaves them out


def canvas(pipe: Pipeline, call: Call, given: Size) -> Size:
    """The size that the call asks for, else the model's own at the aspect of the frame."""
    from diffusers.modular_pipelines.minimax_h3.modular_pipeline import resolve_canvas_size

    if call.get("height") and call.get("width"):
        return call["height"], call["width"]
    config = pipe.config
    size: Size = resolve_canvas_size(
        given[1], given[0], pipe.canvas_multiple, config.canvas_short_edge, config.canvas_max_pixels
    )
    return size


def _covers(config: Config) -> tuple[int, int]:
    time, space = (math.prod(config.get(f"{axis}_downsample_factors") or usual) for axis, usual in FACTORS.items())
    return time, space


def _chunks(config: Config) -> Chunks:
    """17 frames are 5 latent ones, of which the last 3 are dropped at the end of a video: 17n + 5 are 5n + 2."""
    time, _ = _covers(config)
    frames, dropped = int(config.get("clip_length") or 17), int(config.get("token_drop", 3))
    latents = -(-frames // time)
    return Chunks(frames, latents, latents, latents - dropped)


PIPELINES = (
    PipelineClass(
        "MiniMaxH3ModularPipeline",
        "MiniMax-H3",
        TEXT_IMAGE,
        condition=image,
        shape=canvas,
        sound=True,
        reads=("torchvision",),
        batch="",
        multiple=1,
        rounds="chunks",
        lengths=(124, 345),
        blocks=BlockRoles(
            workflows={"text": "t2va", "image": "fl2va"},
            tensors=("latents", "audio_latents"),
            given=("num_condition_video_rows", "num_condition_audio_rows"),
            predictions=("noise_pred", "audio_noise_pred"),
            schedulers=("scheduler", "audio_scheduler"),
            end=True,
        ),
        notes="with sound; a modular pipeline; the first frame, which it is free to follow",
    ),
)
AUTOENCODERS = (Autoencoder("AutoencoderKLMiniMaxH3", always=7, covers=_covers, chunks=_chunks),)
