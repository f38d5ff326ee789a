"""mp4 in and out."""

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.videos import decode, encode, facts, read_image


def moving(size: int = 32, frames: int = 9) -> np.ndarray:
    video = np.full((frames, size, size, 3), 20, np.uint8)
    for t in range(frames):
        video[t, 8:16, 2 + t : 10 + t] = (220, 40, 90)
    return video


def test_round_trip_is_close_and_enlarged_by_a_whole_factor():
    frames, fps = decode(encode(moving(), 8))
    assert frames.shape == (9, 256, 256, 3) and fps == 8
    back = frames.reshape(9, 32, 8, 32, 8, 3).mean((2, 4))
    assert np.abs(back - moving()).mean() < 3


@pytest.mark.parametrize("fps", [8, 16, 24, 30])
def test_a_film_is_h264_of_whole_frames_per_second_and_as_long_as_it_should(fps):
    told = facts(encode(moving(), fps))
    assert told["codec"] == "h264" and told["fps"] == fps and isinstance(told["fps"], int)
    assert (told["frames"], told["width"], told["height"]) == (9, 256, 256)
    assert told["duration_s"] == pytest.approx(9 / fps, abs=0.002)


def test_same_frames_same_bytes():
    assert encode(moving(), 8) == encode(moving(), 8)


def test_odd_sizes_lose_a_pixel_not_the_video():
    frames, _ = decode(encode(np.zeros((3, 301, 303, 3), np.uint8), 24))
    assert frames.shape == (3, 300, 302, 3)


def test_what_is_no_video_says_so(tmp_path):
    path = tmp_path / "clip.mp4"
    with pytest.raises(UsageError, match="no such file"):
        decode(path)
    path.write_text("not a video")
    with pytest.raises(UsageError, match="not a video"):
        decode(path)
    path.write_bytes(encode(moving(), 8)[:300])
    with pytest.raises(UsageError):
        decode(path)
    with pytest.raises(UsageError, match="not an image"):
        read_image(path)
