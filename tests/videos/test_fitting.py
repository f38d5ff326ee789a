"""Pictures get the shape of the video by cutting, by bars, or not at all; what has that shape stays as it is."""

import numpy as np
import pytest

from raysearch import videos
from raysearch.errors import UsageError
from raysearch.videos.fitting import described


def picture(height, width, frames=2):
    return np.random.default_rng(0).integers(1, 255, (frames, height, width, 3), np.uint8)


@pytest.mark.parametrize(("size", "video"), [((64, 64), (32, 32)), ((480, 832), (480, 832)), ((240, 416), (480, 832))])
@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
def test_what_has_the_shape_of_the_video_stays(size, video, how):
    frames = picture(*size, 1)
    assert videos.fit(frames, *video, how) is frames and not described(size, video, how)


def test_crop_keeps_the_centre():
    wide, high = picture(30, 100), picture(100, 30)
    assert np.array_equal(videos.fit(wide, 64, 64), wide[:, :, 35:65])
    assert np.array_equal(videos.fit(high, 32, 64), high[:, 42:57])
    assert videos.fit(picture(1080, 1920, 1), 480, 832).shape == (1, 1080, 1872, 3)


def test_pad_adds_black_bars_on_two_sides():
    wide, high = picture(30, 100), picture(100, 30)
    padded = videos.fit(wide, 64, 64, "pad")
    assert padded.shape == (2, 100, 100, 3) and np.array_equal(padded[:, 35:65], wide)
    assert not padded[:, :35].any() and not padded[:, 65:].any()
    padded = videos.fit(high, 32, 64, "pad")
    assert padded.shape == (2, 100, 200, 3) and np.array_equal(padded[:, :, 85:115], high)


def test_the_longest_and_thinnest_pictures():
    line = picture(1, 20_000, 1)
    assert videos.fit(line, 64, 64).shape == (1, 1, 1, 3)
    with pytest.raises(UsageError, match=r"use generator\.fit=crop"):
        videos.fit(line, 64, 64, "pad")


@pytest.mark.parametrize(
    ("how", "told"),
    [("crop", "cropped to 36x36"), ("pad", "padded to 48x48"), ("stretch", "is stretched to the shape")],
)
def test_it_is_said_what_is_done(how, told):
    assert told in described((36, 48), (64, 64), how) and "64x64" in described((36, 48), (64, 64), how)
