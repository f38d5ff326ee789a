"""Held-out scenes at 24 frames per second, films of them by the tiny MAGI-1, and how far these are from the truth.

A chunk is one second. The first is given, three are made; every third frame is seen, 8 a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from raysearch.generators.magi1.generator import MagiGenerator
from raysearch.generators.magi1.stages import CHUNK
from raysearch.moves import Kernel
from raysearch.sampling import kernels
from raysearch.tinyworld.physics import PICTURES, PROMPTS, SCENES, Scenes, sample, simulate_finely
from raysearch.tinyworld.render import render
from raysearch.tinyworld.truth import LOST, track

MADE, CHUNKS = 3, 4
SEEN = CHUNK // PICTURES  # frames of a chunk that are seen
HELD_OUT = 777
NONE = torch.Generator()


@dataclass(frozen=True)
class Scene:
    """A scene with its true film.

    Attributes:
        scene: its initial state.
        prompt: what the generator is told.
        video: uint8 [96, H, W, 3].
        where: true centres of what is seen, [32, balls, xy].
    """

    scene: Scenes
    prompt: str
    video: np.ndarray
    where: np.ndarray


def scenes(n: int, seed: int = HELD_OUT) -> list[Scene]:
    """n scenes, with one ball and with two in turn. Training draws from other random streams."""
    found = []
    for i in range(n):
        kind = SCENES[i % 2]
        one = sample(np.random.default_rng([seed, 4, i]), 1, kind)
        motion = simulate_finely(one, CHUNKS * CHUNK)
        where = motion.position[0, ::PICTURES, : int(one.balls[0])]
        found.append(Scene(one, PROMPTS[kind], render(one, motion)[0], where))
    return found


def generator(model: Any, scene: Scene) -> MagiGenerator:
    """The denoiser of a scene of which the first second is given."""
    of: MagiGenerator = model.given(scene.prompt, scene.video[:CHUNK], "scene")
    return of


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


def errors(film: np.ndarray, scene: Scene, first: int) -> tuple[np.ndarray, np.ndarray]:
    """By frame and ball: px from where it truly is (LOST where it is not there), and area as a share of the true one.

    Args:
        film: what is seen, uint8 [T, H, W, 3].
        scene: the truth.
        first: the chunk of the whole video with which the film begins.
    """
    centre, area = track(film.astype(np.float32) / 255, scene.scene)
    there = scene.where[SEEN * first : SEEN * first + len(film)]
    distance = np.linalg.norm(centre - there, axis=-1)
    radius = scene.scene.radius[0, : there.shape[1]]
    return np.where(area < 2, LOST, np.minimum(distance, LOST)), area / (np.pi * radius**2)


def by_chunk(values: np.ndarray) -> np.ndarray:
    """Means of the chunks that are made, [3], of values [24, balls] of their frames."""
    means: np.ndarray = values.reshape(MADE, SEEN, -1).mean((1, 2))
    return means


def baselines(scene: Scene) -> dict[str, np.ndarray]:
    """Errors [24, balls] of copying the last given frame, and of its velocity going on."""
    last, speed = scene.where[SEEN - 1], scene.where[SEEN - 1] - scene.where[SEEN - 2]
    steps = np.arange(1, MADE * SEEN + 1)[:, None, None]
    radius = scene.scene.radius[0, : len(last), None]
    straight = np.clip(last + speed * steps, radius, 32 - radius)
    truth = scene.where[SEEN:]
    return {
        name: np.minimum(np.linalg.norm(guess - truth, axis=-1), LOST)
        for name, guess in (("copy", np.broadcast_to(last, truth.shape)), ("constant_velocity", straight))
    }
