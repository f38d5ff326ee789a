"""A 2-D world of balls with exact state: gravity, restitution, walls, collisions; and eleven ways to break it.

Given its first frames the future of a valid scene is determined, so truth is known for every condition. All arrays are
batched over scenes (n) with two ball slots; the second ball of a one-ball scene is invisible. Units: pixels and frames,
y grows downwards.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

Index = slice | np.ndarray | tuple[slice, slice]
SIZE = 32  # pixels a side
GRAVITY = 0.12  # px / frame^2
RESTITUTION_FLOOR, RESTITUTION_WALL, RESTITUTION_BALL = 0.85, 0.9, 0.95
SUBSTEPS = 4  # integration steps per frame
PICTURES = 3  # of a frame at 24 pictures per second, of which every third is seen at 8
SCENES = ("one_ball", "two_balls")
PROMPTS = {"one_ball": "a ball", "two_balls": "two balls"}
VIOLATIONS = (
    "teleport", "vanish", "appear", "gravity_flip", "float", "freeze",
    "energy_gain", "time_shuffle", "through_wall", "through_ball", "colour_change",
)  # fmt: skip


@dataclass(frozen=True)
class Scenes:
    """Initial states of n scenes. Indexing with a slice or an array selects scenes, as with an array."""

    balls: np.ndarray  # [n] 1 or 2
    radius: np.ndarray  # [n, 2] px
    position: np.ndarray  # [n, 2 balls, xy] px
    velocity: np.ndarray  # [n, 2 balls, xy] px / frame
    colour: np.ndarray  # [n, 2 balls, rgb] in [0, 1]
    background: np.ndarray  # [n, rgb] in [0, 1], dark

    def __len__(self) -> int:
        return len(self.balls)

    def __getitem__(self, index: Index) -> Scenes:
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})


@dataclass(frozen=True)
class Trajectories:
    """How n scenes move, frame by frame: everything the renderer needs besides radius and background.

    Indexing acts on the leading axes of the arrays, [scene, frame].
    """

    position: np.ndarray  # [n, frames, 2 balls, xy] px
    visible: np.ndarray  # [n, frames, 2 balls] 0 or 1
    colour: np.ndarray  # [n, frames, 2 balls, rgb]

    def __getitem__(self, index: Index) -> Trajectories:
        return Trajectories(self.position[index], self.visible[index], self.colour[index])

    def frames(self, start: int, stop: int) -> Trajectories:
        """The frames from `start` up to, but without, `stop`."""
        return self[:, start:stop]


def sample(rng: np.random.Generator, n: int, scene: str | None = None, two_balls: float = 0.4) -> Scenes:
    """n random scenes of one kind, or mixed with the given share of two-ball scenes."""
    if scene is not None and scene not in SCENES:
        raise ValueError(f"scene={scene!r}: no such scene; choose one of {', '.join(SCENES)}")
    share = two_balls if scene is None else float(scene == "two_balls")
    balls = np.where(rng.random(n) < share, 2, 1)
    radius = rng.uniform(3.0, 5.0, (n, 2))
    position = _place(rng, radius)
    for _ in range(50):
        clash = np.linalg.norm(position[:, 0] - position[:, 1], axis=-1) < radius.sum(1) + 1.5
        if not clash.any():
            break
        position[clash] = _place(rng, radius[clash])
    velocity = np.stack([rng.uniform(-1.7, 1.7, (n, 2)), rng.uniform(-1.6, 1.0, (n, 2))], -1)
    aimed = (balls == 2) & (rng.random(n) < 0.6)  # or most pairs would never meet
    towards = np.sign(position[:, 1, 0] - position[:, 0, 0])[:, None] * np.array([1, -1])
    velocity[..., 0] = np.where(aimed[:, None], towards * rng.uniform(0.5, 1.7, (n, 2)), velocity[..., 0])
    hue = rng.random(n)
    hues = np.stack([hue, (hue + rng.uniform(0.25, 0.75, n)) % 1], 1)
    colour = _hsv(hues, rng.uniform(0.75, 1, (n, 2)), rng.uniform(0.8, 1, (n, 2)))
    background = (rng.uniform(0.0, 0.15, (n, 1)) + rng.uniform(-0.03, 0.03, (n, 3))).clip(0, 1)
    return Scenes(balls, radius, position, velocity, colour, background)


def simulate(
    scenes: Scenes,
    frames: int,
    violation: str | None = None,
    at: np.ndarray | int = 0,
    rng: np.random.Generator | None = None,
) -> Trajectories:
    """Move the scenes on for some frames; from frame `at` on (per scene) physics breaks if `violation` is named."""
    if violation is not None and violation not in VIOLATIONS:
        raise ValueError(f"violation={violation!r}: unknown; choose one of {', '.join(VIOLATIONS)}")
    n, at = len(scenes), np.broadcast_to(np.asarray(at), (len(scenes),))
    rng = rng or np.random.default_rng(0)
    position, velocity = scenes.position.copy(), scenes.velocity.copy()
    gravity, moving = np.full((n, 1), GRAVITY), np.ones((n, 1, 1))
    path = np.empty((n, frames, 2, 2))
    for t in range(frames):
        if violation is not None and (now := at == t).any():
            _break(violation, now, position, velocity, gravity, moving, scenes, rng)
        path[:, t] = position
        for _ in range(SUBSTEPS):
            _substep(position, velocity, gravity, moving, scenes, violation)
    motion = Trajectories(path, np.ones((n, frames, 2)), np.repeat(scenes.colour[:, None], frames, 1))
    motion.visible[:, :, 1] = (scenes.balls == 2)[:, None]
    return _edit(violation, motion, at, rng)


def simulate_finely(scenes: Scenes, pictures: int) -> Trajectories:
    """Move valid scenes on at PICTURES pictures per frame, with one integration step from each to the next."""
    n = len(scenes)
    position, velocity = scenes.position.copy(), scenes.velocity.copy()
    path = np.empty((n, pictures, 2, 2))
    for t in range(pictures):
        path[:, t] = position
        _substep(position, velocity, np.full((n, 1), GRAVITY), np.ones((n, 1, 1)), scenes, None, 1.0 / PICTURES)
    motion = Trajectories(path, np.ones((n, pictures, 2)), np.repeat(scenes.colour[:, None], pictures, 1))
    motion.visible[:, :, 1] = (scenes.balls == 2)[:, None]
    return motion


def _substep(
    position: np.ndarray, velocity: np.ndarray, gravity: np.ndarray, moving: np.ndarray, scenes: Scenes,
    violation: str | None, dt: float = 1.0 / SUBSTEPS,
) -> None:  # fmt: skip
    """One integration step of `dt` frames in place: free fall, then walls, then the collision of the pair."""
    radius = scenes.radius
    position += velocity * dt * moving
    position[..., 1] += 0.5 * gravity * dt * dt * moving[..., 0]
    velocity[..., 1] += gravity * dt * moving[..., 0]
    if violation != "through_wall":
        for axis, bounce in ((0, RESTITUTION_WALL), (1, RESTITUTION_FLOOR)):
            x, v = position[..., axis], velocity[..., axis]
            low_bounce = RESTITUTION_WALL
            v[...] = np.where((x < radius) & (v < 0), -low_bounce * v, v)
            v[...] = np.where((x > SIZE - radius) & (v > 0), -bounce * v, v)
            np.clip(x, radius, SIZE - radius, out=x)
    if violation != "through_ball":
        _collide(position, velocity, scenes)


def _collide(position: np.ndarray, velocity: np.ndarray, scenes: Scenes) -> None:
    """The collision of the two balls in place: an impulse along the line of centres, and no overlap afterwards."""
    gap = position[:, 1] - position[:, 0]
    distance = np.sqrt((gap * gap).sum(-1)) + 1e-9
    reach = scenes.radius.sum(1)
    touch = (scenes.balls == 2) & (distance < reach)
    if not touch.any():
        return
    normal = gap / distance[:, None]
    closing = ((velocity[:, 1] - velocity[:, 0]) * normal).sum(-1)
    inverse = 1.0 / scenes.radius**2  # mass goes with area
    impulse = np.where(touch & (closing < 0), -(1 + RESTITUTION_BALL) * closing / inverse.sum(1), 0.0)
    overlap = np.where(touch, (reach - distance) / 2, 0.0)
    for ball, sign in ((0, -1), (1, 1)):
        velocity[:, ball] += sign * (impulse * inverse[:, ball])[:, None] * normal
        position[:, ball] += sign * overlap[:, None] * normal


def _break(
    violation: str, now: np.ndarray, position: np.ndarray, velocity: np.ndarray, gravity: np.ndarray,
    moving: np.ndarray, scenes: Scenes, rng: np.random.Generator,
) -> None:  # fmt: skip
    """The violations that act on the state, at the frame where they set in."""
    if violation == "teleport":
        angle, far = rng.uniform(0, 2 * np.pi, len(now)), rng.uniform(9, 14, len(now))
        jump = np.stack([np.cos(angle), np.sin(angle)], -1) * far[:, None]
        edge = scenes.radius[:, :1]
        outside = (position[:, 0] + jump < edge) | (position[:, 0] + jump > SIZE - edge)
        target = (position[:, 0] + np.where(outside, -jump, jump)).clip(edge, SIZE - edge)
        position[now, 0] = target[now]
    elif violation == "gravity_flip":
        gravity[now] *= -1
    elif violation == "float":
        gravity[now] = 0
    elif violation == "energy_gain":
        velocity[now] *= 2
    elif violation == "freeze":
        moving[now] = 0


def _edit(violation: str | None, motion: Trajectories, at: np.ndarray, rng: np.random.Generator) -> Trajectories:
    """The violations that act on what is seen rather than on the state."""
    n, frames = motion.visible.shape[:2]
    late = np.arange(frames)[None] >= at[:, None]
    if violation == "vanish":
        motion.visible[:, :, 0] *= ~late
    elif violation == "appear":
        motion.visible[:, :, 0] *= late
    elif violation == "colour_change":
        motion.colour[:, :, 0] = np.where(late[..., None], 1 - 0.9 * motion.colour[:, :, 0], motion.colour[:, :, 0])
    elif violation == "time_shuffle":
        order = np.argsort(np.where(late, at[:, None] + rng.random((n, frames)), np.arange(frames)[None] - frames), 1)
        motion.position[:] = np.take_along_axis(motion.position, order[:, :, None, None], 1)
    return motion


def _place(rng: np.random.Generator, radius: np.ndarray) -> np.ndarray:
    """Random centres [n, 2 balls, xy] in px for balls of these radii [n, 2], in the upper part of the picture."""
    return np.stack([rng.uniform(radius + 1, SIZE - radius - 1), rng.uniform(radius + 1, SIZE * 0.7 - radius)], -1)


def _hsv(h: np.ndarray, s: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Hue, saturation, value in [0, 1] to rgb on a new last axis."""
    k = (np.array([5.0, 3.0, 1.0]) + 6 * h[..., None]) % 6
    rgb: np.ndarray = v[..., None] * (1 - s[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))
    return rgb
