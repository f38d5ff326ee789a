"""Pictures of the world: anti-aliased discs on a dark ground with a faint frame and shading that mark where things are.

The static landmarks matter: a world model with relative positions only could not tell where the walls stand.
"""

from __future__ import annotations

import numpy as np

from .physics import SIZE, Scenes, Trajectories

_CENTRES = np.arange(SIZE, dtype=np.float32) + 0.5
_SHADE = np.linspace(0.0, 0.10, SIZE, dtype=np.float32)[:, None].repeat(SIZE, 1)
_SHADE[[0, -1], :] += 0.12
_SHADE[1:-1, [0, -1]] += 0.12


def background(scenes: Scenes) -> np.ndarray:
    """[n, H, W, rgb] in [0, 1]."""
    return (scenes.background[:, None, None, :] + _SHADE[..., None]).astype(np.float32)


def coverage(scenes: Scenes, motion: Trajectories) -> np.ndarray:
    """How much of each pixel each ball covers, [n, frames, 2 balls, H, W] in [0, 1]."""
    centre = motion.position.astype(np.float32)[..., None]
    dx2, dy2 = (_CENTRES - centre[..., 0, :]) ** 2, (_CENTRES - centre[..., 1, :]) ** 2
    distance = np.sqrt(dx2[..., None, :] + dy2[..., :, None])
    cover: np.ndarray = np.clip(scenes.radius.astype(np.float32)[:, None, :, None, None] + 0.5 - distance, 0, 1)
    cover *= motion.visible.astype(np.float32)[..., None, None]
    return cover


def render(scenes: Scenes, motion: Trajectories, chunk: int = 32) -> np.ndarray:
    """uint8 videos [n, frames, H, W, rgb]. Works in chunks, which keeps the arrays in the cache."""
    n, frames = motion.visible.shape[:2]
    video = np.empty((n, frames, SIZE, SIZE, 3), np.uint8)
    for i in range(0, n, chunk):
        part, seen = scenes[i : i + chunk], motion[i : i + chunk]
        cover, colour = coverage(part, seen), seen.colour.astype(np.float32)
        ground = background(part)
        for c in range(3):
            plane = np.repeat(ground[:, None, ..., c], frames, 1)
            for ball in range(2):
                plane += (colour[:, :, ball, c, None, None] - plane) * cover[:, :, ball]
            video[i : i + chunk, ..., c] = np.rint(plane.clip(0, 1) * 255)
    return video
