"""The views on which the best system gains and loses most, as videos: the real one, one draw, the chosen, the masks.

A masks video shows where the real take moves and where the chosen clip does, as the scorer sees both: the score is the
overlap of these. Everything is at the size of the masks, a quarter of the real clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from raysearch import videos
from raysearch.evals.physics_iq import clips, reals, score
from raysearch.evals.physics_iq.challenge.candidates import Scored, read
from raysearch.evals.physics_iq.layout import DataSet, View
from raysearch.evals.physics_iq.metrics import Reduced, reduce

SHOWN = 3  # views at each end
REAL, MADE, BOTH = (60, 130, 255), (255, 130, 40), (245, 245, 245)  # colours of masks, RGB
QUALITY = 24  # x264's crf


@dataclass(frozen=True)
class Scene:
    """One view.

    Attributes:
        view: Which.
        score: Verified score of the chosen clip, in per cent.
        base: The same of one draw.
        parts: Parts of the score of the chosen clip, in per cent, by their official names.
        films: mp4 by what it shows: `real`, `base`, `chosen`, `masks`.
    """

    view: View
    score: float
    base: float
    parts: Mapping[str, float]
    films: Mapping[str, bytes]

    @property
    def gain(self) -> float:
        """What choosing has gained, in points of the score."""
        return self.score - self.base


def scenes(chosen: Sequence[Scored], drawn: Sequence[Scored], data: DataSet, cache: str) -> list[Scene]:
    """The views with the highest and the lowest gain, from the highest to the lowest.

    Args:
        chosen: the views of the best system, first run.
        drawn: those of the best-of-N run whose first candidate is the base.
        data: the data set.
        cache: folder of what was computed from the real clips.
    """
    base = {p.view.id: p for p in drawn}
    known = [(p, base[p.view.id]) for p in chosen if p.view.id in base]
    known.sort(key=lambda pair: _gain(*pair), reverse=True)
    ends = known if len(known) <= 2 * SHOWN else [*known[:SHOWN], *known[-SHOWN:]]
    return [_scene(mine, plain, data, cache) for mine, plain in ends]


def _gain(mine: Scored, plain: Scored) -> float:
    return _parts(mine, mine.result.best)["total"] - _parts(plain, 0)["total"]


def _parts(of: Scored, slot: int) -> dict[str, float]:
    return {k: 100 * v for k, v in score.of_view(score.terms(of.measure(of.result.finals[slot]))).items()}


def _scene(mine: Scored, plain: Scored, data: DataSet, cache: str) -> Scene:
    real = reals.load(mine.view, data.fps, cache, data.seconds)
    made = _reduced(mine.clips[mine.result.winner.key], data, real.size)
    first = _reduced(plain.clips[plain.result.finals[0].key], data, real.size)
    films = {
        "real": np.stack(real.takes[0].frames), "base": np.stack(first.frames), "chosen": np.stack(made.frames),
        "masks": masks(real.takes[0], made, real.size),
    }  # fmt: skip
    encoded = {name: videos.encode(frames, data.fps, QUALITY) for name, frames in films.items()}
    parts = _parts(mine, mine.result.best)
    return Scene(mine.view, parts.pop("total"), _parts(plain, 0)["total"], parts, encoded)


def _reduced(path: str, data: DataSet, size: tuple[int, int]) -> Reduced:
    return reduce(clips.frames(read(path), clips.count(data.seconds, data.fps)), data.fps, *size)


def masks(real: Reduced, made: Reduced, size: tuple[int, int]) -> np.ndarray:
    """Motion masks of both clips in one video, uint8 [T, h, w, 3]: of the real one alone, of the made one, of both.

    Args:
        real: take 1.
        made: the clip.
        size: (width, height) of both.
    """
    width, height = size
    r, m = (np.unpackbits(x.masks, axis=1, count=width * height).reshape(-1, height, width) > 0 for x in (real, made))
    drawn: np.ndarray = (np.stack(real.frames).mean(-1, keepdims=True) * 0.35).astype(np.uint8).repeat(3, -1)
    for where, colour in ((r & ~m, REAL), (m & ~r, MADE), (r & m, BOTH)):
        drawn[where] = colour
    return drawn
