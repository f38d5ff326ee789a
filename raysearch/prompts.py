"""What to generate: a text, conditioning frames (an image, a clip, or a scene of the tiny world), and an id.

A Prompt is plain data that travels to every worker; its frames are read where they are needed.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from raysearch.errors import UsageError
from raysearch.moves import digest
from raysearch.videos import read, read_image


@dataclass(frozen=True)
class Prompt:
    """id names files and addresses noise; scene is a scene of the tiny world, whose true future is known."""

    id: str
    text: str = ""
    image: str | None = None
    video: str | None = None
    scene: str | None = None
    scene_seed: int = 0

    def __post_init__(self) -> None:
        name = str(self.id)
        if not name.strip() or name.startswith(".") or "/" in name or "\\" in name:
            raise UsageError(f"prompt {self.id!r}: ids name files; give one without / and \\ that begins with no dot")
        given = [k for k in ("image", "video", "scene") if getattr(self, k) is not None]
        if len(given) > 1:
            raise UsageError(f"prompt {self.id!r}: {' and '.join(given)} exclude each other; keep one")
        if not self.text and not given:
            raise UsageError(f"prompt {self.id!r} is empty: give it text, image, video or scene")

    def fingerprint(self) -> str:
        """Of the content: the text and the bytes of the conditioning file."""
        file = self.image or self.video
        return digest([self.id, self.text, file and _sha256(file), self.scene, self.scene_seed])


def frames(prompt: Prompt, fps: float | None = None) -> np.ndarray | None:
    """The conditioning frames, uint8 [T, H, W, 3]; None for text alone.

    Args:
        prompt: names an image, a clip or a scene of the tiny world, or none of them.
        fps: rate to which a clip is resampled; None keeps the frames of the file.

    Raises:
        UsageError: for a file that cannot be read, or a clip of unknown rate where `fps` is given.
    """
    if prompt.image is not None:
        return read_image(prompt.image)[None]
    if prompt.video is not None:
        return _clip(prompt.video, fps)
    if prompt.scene is not None:
        from raysearch.tinyworld.heldout import condition

        return condition(prompt.scene, prompt.scene_seed).given
    return None


def _clip(path: str, fps: float | None) -> np.ndarray:
    clip = read(path)
    if fps and clip.fps and (clip.uneven or abs(clip.fps - fps) > 0.01 * fps):
        resampled = read(path, fps=fps)
        why = " of uneven frame times" if clip.uneven else ""
        _tell(f"{path}: resampled from {clip.fps:.4g}{why} to {fps:g} frames per second (generator.fps)")
        clip = resampled
    elif clip.uneven:
        _tell(f"{path}: its frame times are uneven; its frames are taken as if they were even")
    for note in clip.notes:
        _tell(f"{path}: {note}")
    return clip.frames


@lru_cache(maxsize=4096)
def _tell(line: str) -> None:
    """Prints a line on standard error once in a process."""
    print(f"raysearch: {line}", file=sys.stderr, flush=True)


@lru_cache(maxsize=4096)
def _sha256(path: str) -> str:
    if not Path(path).is_file():
        raise UsageError(f"{path}: no such file; prompts name files relative to the working directory")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
