"""What no generator should make: a clip with its motion broken, and controls that break nothing.

    violations   frozen, swapped halves, teleported, object removed: against the laws whatever is shown
    often legal  reversed, speed changed: an elastic bounce runs backwards as well; asked, but no failure at 1/2
    controls     mirror, dimmer, blur: as possible as the clip itself, a judge of physics has no preference
    still        the first frame throughout, which must never be preferred

Objects are found where the background stands still: it is the median over time, and what differs from it is an object;
one that covers a place for more than half of the clip stays there.
A function returns None where it does not apply to a clip. All take and return uint8 [T, H, W, 3].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Corrupt = Callable[[np.ndarray], np.ndarray | None]
DIFFERS = 0.02  # of 1: a pair whose largest difference is below this is not asked about
OBJECT = 0.08  # of 1: difference from the background above which a pixel belongs to an object
MOST = 0.35  # of the picture: with more, no background stands still


def frozen(clip: np.ndarray) -> np.ndarray:
    """It stands still from the middle on."""
    half = len(clip) // 2
    return np.concatenate([clip[:half], np.repeat(clip[half : half + 1], len(clip) - half, 0)])


def swapped(clip: np.ndarray) -> np.ndarray:
    """The second half comes before the first."""
    half = len(clip) // 2
    return np.concatenate([clip[half:], clip[:half]])


def reversed_(clip: np.ndarray) -> np.ndarray:
    """Backwards in time."""
    return clip[::-1].copy()


def speed(clip: np.ndarray) -> np.ndarray:
    """The same path at a speed that rises from half to three halves, frames repeated and left out."""
    t = np.linspace(0, 1, len(clip))
    path: np.ndarray = clip[np.round(np.where(t < 0.5, t / 2, 1.5 * t - 0.5) * (len(clip) - 1)).astype(int)]
    return path


def removed(clip: np.ndarray) -> np.ndarray | None:
    """From the middle on the moving objects are gone, and the background is in their place."""
    if (found := objects(clip)) is None:
        return None
    ground, _ = found
    half = len(clip) // 2
    return np.concatenate([clip[:half], np.repeat(ground[None], len(clip) - half, 0)])


def teleported(clip: np.ndarray) -> np.ndarray | None:
    """From the middle on the moving objects are a quarter of the picture away."""
    if (found := objects(clip)) is None:
        return None
    ground, mask = found
    half, away = len(clip) // 2, (clip.shape[1] // 4, clip.shape[2] // 4)
    clean = np.where(mask[..., None], clip, ground)
    there = np.roll(mask, away, (1, 2))[half:]
    moved = np.roll(clean, away, (1, 2))[half:]
    return np.concatenate([clip[:half], np.where(there[..., None], moved, ground)])


def mirror(clip: np.ndarray) -> np.ndarray:
    """Left and right exchanged."""
    return clip[:, :, ::-1].copy()


def dimmer(clip: np.ndarray) -> np.ndarray:
    """Four fifths as bright."""
    return np.round(clip * 0.8).astype(np.uint8)


def blur(clip: np.ndarray) -> np.ndarray:
    """Every pixel the mean of its 3 x 3 neighbourhood."""
    wide = np.pad(clip.astype(np.float32), ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    height, width = clip.shape[1:3]
    total = sum(wide[:, i : i + height, j : j + width] for i in range(3) for j in range(3))
    return np.round(np.asarray(total) / 9).astype(np.uint8)


def still(clip: np.ndarray) -> np.ndarray:
    """The first frame throughout."""
    return np.repeat(clip[:1], len(clip), 0)


VIOLATION, LEGAL, CONTROL, STILL = "violation", "often legal", "control", "still"
CORRUPTIONS: dict[str, tuple[str, Corrupt]] = {
    "frozen": (VIOLATION, frozen), "swapped halves": (VIOLATION, swapped), "teleported": (VIOLATION, teleported),
    "object removed": (VIOLATION, removed), "reversed": (LEGAL, reversed_), "speed changed": (LEGAL, speed),
    "mirror": (CONTROL, mirror), "dimmer": (CONTROL, dimmer), "blur": (CONTROL, blur), "still": (STILL, still),
}  # fmt: skip


def corrupted(clip: np.ndarray) -> dict[str, np.ndarray]:
    """Each corruption that applies to a clip and changes it visibly, by name."""
    each = {name: corrupt(clip) for name, (_, corrupt) in CORRUPTIONS.items()}
    return {
        name: other for name, other in each.items()
        if other is not None and int(np.abs(other.astype(np.int16) - clip).max()) >= 255 * DIFFERS
    }  # fmt: skip


def objects(clip: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The background [H, W, 3] and where objects are, [T, H, W] bool; None where no background stands still."""
    ground = np.median(clip, 0).astype(np.uint8)
    mask: np.ndarray = (np.abs(clip.astype(np.int16) - ground) > 255 * OBJECT).any(-1)
    return (ground, mask) if mask.any() and mask.mean() <= MOST else None
