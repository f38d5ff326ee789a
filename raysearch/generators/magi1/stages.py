"""Which chunk of a MAGI-1 video moves at which step, and how far back it sees. Pure arithmetic, without torch.

Every chunk takes the same number of steps of its own, `each`. Chunk c begins each / window steps after chunk c - 1, so
`window` chunks are in flight at a time. A chunk sees whole chunks up to itself, fewer of them the cleaner it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from raysearch.errors import UsageError

FRAMES = 6  # latent frames of a chunk
PER_LATENT = 4  # frames of a latent frame
FPS = 24
CHUNK = FRAMES * PER_LATENT  # frames of a chunk: one second
PAST_SCALE, TEXT_SCALE = 1.5, 7.5  # of guidance by earlier chunks, and by the caption
TWELVE = 12  # steps a chunk with which distilled models take steps of unequal length
REACH = (5, 4, 3, 2)  # chunks that one sees in each quarter of its own steps, itself included

Shortcut: TypeAlias = Literal["8,16,16", "16,16,8"]
Flight: TypeAlias = list[tuple[int, int]]  # (chunk, its own step), oldest first


@dataclass(frozen=True)
class Stages:
    """The plan of one video.

    Attributes:
        chunks: of the whole video, those that are given included.
        given: latent frames that are given at its beginning.
        each: steps of a chunk.
        window: chunks in flight at a time.
    """

    chunks: int
    given: int
    each: int
    window: int

    @property
    def past(self) -> int:
        """Chunks that are given whole."""
        return self.given // FRAMES

    @property
    def made(self) -> int:
        """Chunks that are made."""
        return self.chunks - self.past

    @property
    def stride(self) -> int:
        """Steps between the beginnings of two chunks."""
        return self.each // self.window

    @property
    def steps(self) -> int:
        """Steps of the whole video."""
        return steps_of(self.made, self.each, self.window)

    @property
    def ends(self) -> list[int]:
        """The step at which each chunk that is made is finished."""
        return [self.each + i * self.stride for i in range(self.made)]

    def flight(self, k: int) -> Flight:
        """The chunks that move in step k; empty at the end of the video."""
        stage, i = divmod(k, self.stride)
        own = ((self.past + j, (stage - j) * self.stride + i) for j in range(self.made))
        return [(c, n) for c, n in own if 0 <= n < self.each]

    def since(self, flight: Flight) -> list[int]:
        """For each chunk in flight the first chunk that it sees."""
        return [max(0, c + 1 - REACH[4 * n // self.each]) for c, n in flight]

    def begins(self, k: int) -> bool:
        """Whether a chunk begins in step k, or would if there were more of them."""
        return k % self.stride == 0


def steps_of(made: int, each: int, window: int) -> int:
    """Steps of a video of which `made` chunks are made."""
    return each // window * (made + window - 1)


def each_of(steps: int, made: int, window: int) -> int:
    """Steps of a chunk of a video of this number of steps.

    Raises:
        UsageError: where they do not divide, or a chunk would have a number of steps that is no multiple of 4.
    """
    stages = made + window - 1
    each, rest = divmod(steps * window, stages)
    if rest or each % 4 or steps % stages:
        unit = stages * max(4 // window, 1)
        below = max(steps // unit, 1) * unit
        near = sorted({below, below + unit}, key=lambda n: abs(n - steps))[0]
        raise UsageError(
            f"generator.steps={steps}: {made} chunks with window {window} take a multiple of {unit} steps, so that "
            f"each takes a multiple of 4; give {near}, or {steps_of(made, 64, window)} for 64 steps a chunk"
        )
    return each


def fewest(made: int, window: int, least: int) -> int:
    """The fewest steps of a video, at least so many, with which each chunk takes a multiple of 4 other than 12."""
    unit = steps_of(made, 4, window)
    times = max(-(-least // unit), 1)
    return unit * (times + (4 * times == TWELVE))
