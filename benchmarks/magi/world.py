"""Held-out scenes at 24 frames per second, films of them by the tiny MAGI-1, and how far these are from the truth.

A chunk is one second. The first is given, three are made; every third frame is a frame of the world, 8 a chunk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from examples.candidates import prompts
from raysearch import generators
from raysearch.config.settings import GeneratorConfig
from raysearch.generators.magi1.generator import MagiGenerator
from raysearch.generators.magi1.stages import CHUNK, steps_of
from raysearch.moves import Kernel
from raysearch.prompts import Prompt
from raysearch.sampling import kernels
from raysearch.tinyworld import CHUNKED_CALL, CHUNKED_DEFAULTS, CHUNKED_EACH
from raysearch.tinyworld.heldout import FINE_FPS, Condition, condition
from raysearch.tinyworld.physics import PICTURES
from raysearch.tinyworld.truth import LOST, track

MADE, CHUNKS = 3, 4
SEEN = CHUNK // PICTURES  # frames of a chunk that are frames of the world
FIRST = 3000  # number of the first scene
NONE = torch.Generator()


def load(model: str, window: int = 1) -> Any:
    """The model at its own settings, three chunks to make."""
    call = {**CHUNKED_CALL, "window": window, "memo": 256}
    steps = steps_of(MADE, CHUNKED_EACH, window)
    return generators.load(
        GeneratorConfig("magi1", model, dtype="float32", chunks=MADE, steps=steps, call=call, **CHUNKED_DEFAULTS)
    )


def scenes(n: int) -> list[tuple[Prompt, Condition]]:
    """n scenes, with one ball and with two in turn. Training draws from other random streams."""
    return [(p, condition(str(p.scene), p.scene_seed, FINE_FPS)) for p in prompts(n, FIRST)]


@torch.no_grad()
def advance(of: MagiGenerator, x: Tensor, start: int, end: int) -> Tensor:
    """Latents [B, ...] after the steps from `start` to before `end`, by the ode."""
    for k in range(start, end):
        x, _ = kernels.step(Kernel("ode"), x, of.denoise(x, k, NONE), of.path(k), None, 0.5)
    return x


def noise(of: MagiGenerator, seeds: list[int]) -> Tensor:
    """Latents at the start."""
    return torch.cat([of.draw(torch.Generator().manual_seed(seed)) for seed in seeds])


@torch.no_grad()
def seen(of: MagiGenerator, x: Tensor, first: int, end: int) -> list[np.ndarray]:
    """What is seen of each particle in the chunks from `first` to before `end`, counted from the first that is made."""
    films = [of.decode_chunks(one[None], first, end, NONE)[::PICTURES] for one in x]
    return [(255 * film.permute(0, 2, 3, 1)).round().byte().numpy() for film in films]


def errors(film: np.ndarray, truth: Condition, first: int) -> tuple[np.ndarray, np.ndarray]:
    """By frame and ball: px from where it truly is (LOST where it is not there), and area as a share of the true one.

    Args:
        film: what is seen, uint8 [T, H, W, 3].
        truth: the scene.
        first: the chunk of the whole video with which the film begins.
    """
    centre, area = track(film.astype(np.float32) / 255, truth.scenes)
    balls = centre.shape[1]
    there = truth.seen().motion.position[0, SEEN * first : SEEN * first + len(film), :balls]
    distance = np.linalg.norm(centre - there, axis=-1)
    return np.where(area < 2, LOST, np.minimum(distance, LOST)), area / (np.pi * truth.scenes.radius[0, :balls] ** 2)


def by_chunk(values: np.ndarray) -> np.ndarray:
    """Means of the chunks that are made, [3], of values [24, balls] of their frames."""
    means: np.ndarray = values.reshape(MADE, SEEN, -1).mean((1, 2))
    return means


def motion(film: np.ndarray) -> float:
    """The mean absolute change of a pixel from a frame to the next, in grey levels."""
    return float(np.abs(np.diff(film.astype(np.float32), axis=0)).mean())


def baselines(truth: Condition) -> dict[str, np.ndarray]:
    """Errors [24, balls] of copying the last given frame, and of its velocity going on."""
    balls = int(truth.scenes.balls[0])
    where = truth.seen().motion.position[0, :, :balls]
    last, speed = where[SEEN - 1], where[SEEN - 1] - where[SEEN - 2]
    steps = np.arange(1, MADE * SEEN + 1)[:, None, None]
    radius = truth.scenes.radius[0, :balls, None]
    straight = np.clip(last + speed * steps, radius, 32 - radius)
    return {
        name: np.minimum(np.linalg.norm(guess - where[SEEN:], axis=-1), LOST)
        for name, guess in (("copy", np.broadcast_to(last, where[SEEN:].shape)), ("constant_velocity", straight))
    }
