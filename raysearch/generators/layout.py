"""Which latent frames each chunk of an autoregressive video makes, and which finished ones its network sees."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from raysearch.errors import UsageError

OVERLAP = 17  # default frames of history; what the authors of SkyReels V2 recommend


@dataclass(frozen=True)
class Chunk:
    """One chunk. Its network sees latent frames [start, end): history up to `new`, then those that it makes."""

    start: int
    new: int
    end: int

    @property
    def history(self) -> int:
        """The number of latent frames of history."""
        return self.new - self.start


def layout(
    num_frames: int, chunks: int, overlap: int = OVERLAP, base: int | None = None, scale: int = 4
) -> list[Chunk]:
    """Divide a video into chunks of equal length, of which the last may be shorter.

    Args:
        num_frames: frames of the whole video.
        chunks: the number of chunks.
        overlap: frames of history that a chunk sees of those before it.
        base: frames of a chunk with its history; defaults to the smallest number that makes so many chunks.
        scale: frames per latent frame. All numbers of frames have the form scale * k + 1.

    Raises:
        UsageError: for other numbers of frames, and if the video does not divide into this number of chunks.
    """
    for name, value in (("generator.num_frames", num_frames), ("generator.call.overlap_history", overlap),
                        ("generator.call.base_num_frames", base)):  # fmt: skip
        if value is not None and (value - 1) % scale:
            raise UsageError(
                f"{name}={value}: a chunked video counts {scale}k + 1 frames; take {value - (value - 1) % scale}"
            )
    total, kept = _latents(num_frames, scale), _latents(overlap, scale)
    window = -(-(total + (chunks - 1) * kept) // chunks) if base is None else _latents(base, scale)
    if window <= kept:
        raise UsageError(
            f"generator.chunks={chunks}: a chunk would be {_frames(window, scale)} frames with {overlap} of history "
            "and so make nothing new; set fewer chunks or a shorter generator.call.overlap_history"
        )
    ends = [window]
    while ends[-1] < total:
        ends.append(min(ends[-1] + window - kept, total))
    if len(ends) != chunks or ends[0] > total:
        fits = _frames(chunks * window - (chunks - 1) * kept, scale)
        raise UsageError(
            f"generator.num_frames={num_frames} makes {len(ends)} chunks of {_frames(window, scale)} frames with "
            f"{overlap} of history, not generator.chunks={chunks}; set num_frames={fits}, or chunks={len(ends)}"
        )
    return [Chunk(0, 0, ends[0]), *(Chunk(a - kept, a, b) for a, b in pairwise(ends))]


def ends(chunks: int) -> list[float]:
    """The ends of all chunks but the last, as fractions of the steps: where a search may stop and select."""
    return [c / chunks for c in range(1, chunks)]


def _latents(frames: int, scale: int) -> int:
    return (frames - 1) // scale + 1


def _frames(latents: int, scale: int) -> int:
    return (latents - 1) * scale + 1
