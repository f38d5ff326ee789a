"""From the shape of a picture to the shape of a video: cut, padded, or stretched, as `generator.fit` says.

Only the shape (height to width) is changed here, in pixels of the picture; scaling to the size of the video is left to
the pipeline, so a picture that has the shape of the video reaches it as it is.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from raysearch.errors import UsageError

Fit: TypeAlias = Literal["crop", "pad", "stretch"]
MOST_PIXELS = 2**26  # of a padded picture
BLACK = 0  # of the bars beside a padded picture


def same_shape(picture: tuple[int, int], video: tuple[int, int]) -> bool:
    """Whether a picture (height, width) has the shape of a video to the nearest pixel, so that nothing is to be cut."""
    return _inside(picture, video) == tuple(picture)


def fit(frames_THWC: np.ndarray, height: int, width: int, how: Fit = "crop") -> np.ndarray:
    """Frames uint8 [T, H, W, 3] in the shape of a video of height x width pixels; themselves if they have it.

    Args:
        frames_THWC: the frames of a picture or a clip.
        height: of the video.
        width: of the video.
        how: `crop` keeps the greatest rectangle of that shape around the centre; `pad` adds black bars on two sides;
            `stretch` returns the frames as they are, for the pipeline to distort.

    Raises:
        UsageError: for a picture so long and thin that padding would make it too large.
    """
    picture, video = frames_THWC.shape[1:3], (height, width)
    if how == "stretch" or same_shape(picture, video):
        return frames_THWC
    rows, columns = target = _inside(picture, video) if how == "crop" else _around(picture, video)
    if rows * columns > MOST_PIXELS:
        raise UsageError(
            f"generator.fit={how}: a picture of {picture[1]}x{picture[0]} pixels would become {columns}x{rows}; "
            "use generator.fit=crop, or a picture that is less long and thin"
        )
    top, left = (abs(now - then) // 2 for now, then in zip(picture, target, strict=True))
    if how == "crop":
        return frames_THWC[:, top : top + rows, left : left + columns]
    padded = np.full((len(frames_THWC), rows, columns, 3), BLACK, np.uint8)
    padded[:, top : top + picture[0], left : left + picture[1]] = frames_THWC
    return padded


def described(picture: tuple[int, int], video: tuple[int, int], how: Fit) -> str:
    """What `fit` does to a picture (height, width), in words; empty if it does nothing."""
    if same_shape(picture, video):
        return ""
    was, shape = f"{picture[1]}x{picture[0]}", f"the shape of the video, {video[1]}x{video[0]}"
    if how == "stretch":
        return f"{was} is stretched to {shape} (generator.fit)"
    rows, columns = _inside(picture, video) if how == "crop" else _around(picture, video)
    return f"{was} is {'cropped' if how == 'crop' else 'padded'} to {columns}x{rows}, {shape} (generator.fit)"


def _inside(picture: tuple[int, int], video: tuple[int, int]) -> tuple[int, int]:
    """The greatest rectangle (height, width) of the shape of the video inside the picture."""
    (rows, columns), (height, width) = picture, video
    if columns * height > rows * width:
        return rows, max(1, round(rows * width / height))
    return max(1, round(columns * height / width)), columns


def _around(picture: tuple[int, int], video: tuple[int, int]) -> tuple[int, int]:
    """The smallest rectangle (height, width) of the shape of the video around the picture."""
    (rows, columns), (height, width) = picture, video
    if columns * height > rows * width:
        return round(columns * height / width), columns
    return rows, round(rows * width / height)
