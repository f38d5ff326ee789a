"""How far a video is from the true future of its scene, and from the laws of the world: possible here, nowhere else.

Balls are found by their known colours. All measures look at the frames after the given ones. The IoUs follow
Physics-IQ: where (spatial), where and when (spatiotemporal), and how much (weighted spatial) pixels move.
"""

from __future__ import annotations

import numpy as np

from .heldout import GIVEN, Condition
from .physics import GRAVITY, SIZE, Scenes
from .render import background

LOST = 16.0  # px: the error of a ball that is not in the picture, and the most an error can count
MOVING = 0.1  # change of a channel between frames above which a pixel counts as moving
HIGHER_IS_BETTER = frozenset({"spatiotemporal_iou", "spatial_iou", "weighted_iou"})
_X, _Y = np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5)


def measure(video: np.ndarray, truth: Condition) -> dict[str, float]:
    """All measures of a video, uint8 [T, H, W, 3], that starts with the given frames of `truth`.

    At several pictures per frame of the world, every frame is one picture, so that all measures have one unit of time.
    """
    video, truth = video[:: truth.pictures], truth.seen()
    v, t = video.astype(np.float32) / 255, truth.video[: len(video)].astype(np.float32) / 255
    centre, area = track(v, truth.scenes)
    return {
        "trajectory_error": trajectory_error(centre, area, truth),
        "mse": float(((v - t)[truth.count :] ** 2).mean()),
        **ious(v, t, truth.count),
        "violation": violation(centre, area, truth.scenes, given=truth.count),
    }


def track(v: np.ndarray, scenes: Scenes) -> tuple[np.ndarray, np.ndarray]:
    """Centres [T, balls, xy] and areas [T, balls] in pixels of the balls of one scene in a video [T, H, W, 3]."""
    balls = int(scenes.balls[0])
    ground = background(scenes)[0]
    difference = v - ground
    colour = scenes.colour[0, :balls, None, None] - ground  # [balls, H, W, 3]
    gram = np.einsum("khwc,lhwc->hwkl", colour, colour) + 1e-3 * np.eye(balls)
    match = np.einsum("khwc,thwc->thwk", colour, difference)
    cover = np.linalg.solve(gram, match[..., None])[..., 0].clip(0, 1.2)
    cover = np.where(cover < 0.25, 0.0, cover)
    area = cover.sum((1, 2))
    centre = np.stack([(cover * g[..., None]).sum((1, 2)) for g in (_X, _Y)], -1) / np.maximum(area, 1e-3)[..., None]
    return centre, area


def trajectory_error(centre: np.ndarray, area: np.ndarray, truth: Condition) -> float:
    """Mean distance of the balls from where they truly are, px; a ball out of the picture counts LOST."""
    there = truth.motion.position[0, : len(centre), : centre.shape[1]]
    distance = np.linalg.norm(centre - there, axis=-1)[truth.count :]
    return float(np.where(area[truth.count :] < 2, LOST, np.minimum(distance, LOST)).mean())


def violation(centre: np.ndarray, area: np.ndarray, scenes: Scenes, lag: int = 2, given: int = GIVEN) -> float:
    """Truth-free: mean |acceleration - gravity| in px/frame^2 away from contacts, plus mean relative change of area."""
    balls, radius = centre.shape[1], scenes.radius[0, : centre.shape[1]]
    windows = np.stack([centre[k : len(centre) - 2 * lag + k] for k in range(2 * lag + 1)])
    acceleration = (windows[2 * lag] - 2 * windows[lag] + windows[0]) / lag**2 - np.array([0, GRAVITY])
    margin = radius[:, None] + 1.2
    free = ~np.any((windows < margin) | (windows > SIZE - margin), axis=0)
    if balls == 2:
        close = np.linalg.norm(windows[:, :, 0] - windows[:, :, 1], axis=-1) < radius.sum() + 2
        free &= ~close.any(0)[:, None, None]
    free[: given - 1 - lag] = False
    falling = (np.abs(acceleration).clip(0, 3) * free).sum() / max(free.sum(), 1)
    change = np.abs(area[given:] / (np.pi * radius**2) - 1).clip(0, 1).mean()
    return float(falling + change)


def ious(v: np.ndarray, t: np.ndarray, given: int = GIVEN) -> dict[str, float]:
    """Physics-IQ's three IoUs of moving pixels between a video and the truth, both [T, H, W, 3] in [0, 1]."""
    a, b = ((np.abs(np.diff(q, axis=0)).max(-1) > MOVING)[given - 1 :] for q in (v, t))
    either = (a | b).sum((1, 2))
    frames = np.where(either == 0, 1.0, (a & b).sum((1, 2)) / np.maximum(either, 1))
    ever_a, ever_b = a.any(0), b.any(0)
    amount_a, amount_b = a.mean(0), b.mean(0)
    return {
        "spatiotemporal_iou": float(frames.mean()),
        "spatial_iou": float((ever_a & ever_b).sum() / max((ever_a | ever_b).sum(), 1)),
        "weighted_iou": float(np.minimum(amount_a, amount_b).sum() / max(np.maximum(amount_a, amount_b).sum(), 1e-6)),
    }
