"""How pipelines and autoencoders round the number of frames that a job asks for."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Rounding: TypeAlias = Literal["down", "exact", "wan", "never", "given", "chunks"]
"""From n frames asked for to frames made, with r frames per latent frame: down, (n - 1) // r * r + 1; exact,
as down, but the pipeline fails on other numbers, so they are refused; wan,
n // r * r + 1, which rounds up where r divides n; never, n; given, as many as the
call's own video has; chunks, up to whole chunks of the autoencoder and the rest that it needs."""


class Chunks(NamedTuple):
    """Lengths of videos that an autoencoder makes in chunks: `frames` n + `rest`, of `latents` n + `rest_latents`."""

    frames: int
    rest: int
    latents: int
    rest_latents: int

    def up(self, asked: int) -> int:
        """The smallest number of frames that it makes and that is not below `asked`."""
        return asked + (self.rest - asked) % self.frames
