"""What to generate: a text, conditioning frames (an image, a clip, or a scene of the tiny world), and an id.

A Prompt is plain data that travels to every worker; its frames are read where they are needed. Its variants are other
wordings of its text. Which of them a video was made with is a matter of its Moves, so they change no fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.moves import digest
from raysearch.videos import Source, read, read_image, scan, tell

SOME = 1000  # frames beyond those counted that tell how even the times are

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg")  # files taken for videos


LONGEST_ID = 200  # bytes; a name of a file has at most 255, and more is added to the id


@dataclass(frozen=True)
class Prompt:
    """What a video shows.

    Attributes:
        id: names files and addresses noise.
        text: the original wording.
        image: path of a picture to begin with.
        video: path of a clip to go on from.
        scene: a scene of the tiny world, whose true future is known.
        scene_seed: its number.
        variants: other wordings of the text.
        plan: of the motion, for `generator.draw`, as JSON; what is given otherwise is written so.
    """

    id: str
    text: str = ""
    image: str | None = None
    video: str | None = None
    scene: str | None = None
    scene_seed: int = 0
    variants: tuple[str, ...] = ()
    plan: str | None = None

    def __post_init__(self) -> None:
        name = str(self.id)
        if not name.strip() or name.startswith(".") or "/" in name or "\\" in name:
            raise UsageError(f"prompt {self.id!r}: ids name files; give one without / and \\ that begins with no dot")
        if not name.isprintable():
            raise UsageError(f"prompt {self.id!r}: ids name files; give one without control characters and line breaks")
        if len(name.encode(errors="replace")) > LONGEST_ID:
            raise UsageError(
                f"prompt {name[:40]!r}...: ids name files; give one of at most {LONGEST_ID} bytes, not "
                f"{len(name.encode(errors='replace'))}"
            )
        given = [k for k in ("image", "video", "scene") if getattr(self, k) is not None]
        if len(given) > 1:
            raise UsageError(f"prompt {self.id!r}: {' and '.join(given)} exclude each other; keep one")
        if not self.text and not given:
            raise UsageError(f"prompt {self.id!r} is empty: give it text, image, video or scene")
        object.__setattr__(self, "variants", tuple(self.variants))
        object.__setattr__(self, "plan", _as_json(self))
        _check_variants(self)

    @property
    def wordings(self) -> tuple[str | None, ...]:
        """What the variant of a Move may be: None, which stands for the text itself, and the variants."""
        return (None, *self.variants)

    def worded(self, variant: str | None) -> Prompt:
        """The prompt as a generator is given it: with this text, and without variants."""
        return replace(self, text=self.text if variant is None else variant, variants=())

    def fingerprint(self) -> str:
        """Of the content: the text and the bytes of the conditioning file."""
        file = self.image or self.video
        planned = [] if self.plan is None else [self.plan]
        return digest([self.id, self.text, file and _sha256(file), self.scene, self.scene_seed, *planned])


def frames(
    prompt: Prompt, fps: float | None = None, each: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray | None:
    """The conditioning frames, uint8 [T, H, W, 3]; None for text alone. How a file was read is told once.

    Args:
        prompt: names an image, a clip or a scene of the tiny world, or none of them; files may be URLs.
        fps: rate to which a clip is resampled, and at which a scene is shown if it is 24; None keeps the frames of
            the file.
        each: applied to each frame of a clip as it comes, so that no more is kept than what it returns.

    Raises:
        UsageError: for a file that cannot be read, or a clip of unknown rate where `fps` is given.
    """
    if prompt.image is not None:
        return read_image(_source(prompt.image))[None]
    if prompt.video is not None:
        clip = read(_source(prompt.video), fps=_rate(prompt.video, fps), each=each)
        for note in clip.notes:
            tell(f"{prompt.video}: {note}")
        return clip.frames
    if prompt.scene is not None:
        from raysearch.tinyworld.heldout import condition

        return condition(prompt.scene, prompt.scene_seed, fps).given
    return None


def size(prompt: Prompt, fps: float | None = None, most: int | None = None) -> tuple[int, int, int] | None:
    """Number, height and width of the conditioning frames; None for text alone. Keeps no frame in memory.

    Args:
        prompt: as for `frames`.
        fps: as for `frames`.
        most: stop counting the frames of a clip here.

    Raises:
        UsageError: as `frames`.
    """
    if prompt.scene is not None:
        given = frames(prompt, fps)
        assert given is not None
        return given.shape[0], given.shape[1], given.shape[2]
    if prompt.image is not None:
        about = scan(_source(prompt.image), "image")
    elif prompt.video is not None:
        about = scan(_source(prompt.video), fps=_rate(prompt.video, fps, most) if fps else None, most=most)
    else:
        return None
    return about.count, about.height, about.width


def _rate(path: str, fps: float | None, most: int | None = None) -> float | None:
    """The rate to which a clip has to be resampled; None if its frames can be taken as they are. Says which."""
    about = scan(_source(path), most=None if most is None else most + SOME)
    if fps and not about.fps:
        raise UsageError(f"{path}: does not say its frame rate, so it cannot be resampled to {fps:g}; re-encode it")
    if fps and (about.uneven or abs(about.fps - fps) > 0.01 * fps):
        why = " of uneven frame times" if about.uneven else ""
        tell(f"{path}: resampled from {about.fps:.4g}{why} to {fps:g} frames per second (generator.fps)")
        return fps
    if about.uneven:
        tell(f"{path}: its frame times are uneven; its frames are taken as if they were even")
    return None


def _source(path: str) -> Source:
    """A file as it is read: by its path, or, at a URL that all nodes reach, its bytes."""
    if "://" not in path:
        return path
    try:
        return storage.read(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None


def _as_json(prompt: Prompt) -> str | None:
    """The plan in one spelling. Raises UsageError for a text that is no JSON and for what JSON does not have."""
    try:
        plan = json.loads(prompt.plan) if isinstance(prompt.plan, str) else prompt.plan
        return None if plan is None else json.dumps(plan, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"prompt {prompt.id!r}: plan={prompt.plan!r:.80} is no JSON ({error})") from None


def _check_variants(prompt: Prompt) -> None:
    """Raise UsageError for variants that are no texts, and for wordings that are the same."""
    every = [prompt.text, *prompt.variants]
    for k, variant in enumerate(prompt.variants):
        if not isinstance(variant, str) or not variant.strip():
            raise UsageError(f"prompt {prompt.id!r}: variants[{k}]={variant!r}: give a text")
        if variant in every[: k + 1]:
            other = "its text" if variant == prompt.text else f"variants[{every.index(variant) - 1}]"
            raise UsageError(f"prompt {prompt.id!r}: variants[{k}] is the same as {other}; leave it out")


@lru_cache(maxsize=4096)
def _sha256(path: str) -> str:
    if "://" in path:
        return hashlib.sha256(cast(bytes, _source(path))).hexdigest()
    if not Path(path).is_file():
        raise UsageError(f"{path}: no such file; prompts name files relative to the working directory")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
