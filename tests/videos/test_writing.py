"""mp4 in and out."""

import io

import av
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


@pytest.mark.parametrize("channels", [1, 2])
def test_a_film_has_its_sound_and_the_same_bytes_each_time(channels):
    rate, seconds = 16000, 1.0
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate, dtype=np.float64)[None].repeat(channels, 0)
    frames = np.random.default_rng(0).integers(0, 255, (8, 16, 16, 3), dtype=np.uint8)
    film = encode(frames, 8, sound=(tone.astype(np.float32), rate))
    assert film == encode(frames, 8, sound=(tone.astype(np.float32), rate))
    assert (decode(film)[0] == decode(encode(frames, 8))[0]).all()  # the picture is as without sound
    with av.open(io.BytesIO(film)) as container:
        heard = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
        assert container.streams.audio[0].rate == rate and heard.shape[0] == channels
        assert heard.shape[1] == pytest.approx(seconds * rate, abs=2 * 1024 + 1)  # whole packets
    spectrum = np.abs(np.fft.rfft(heard[0, 2048:10240]))
    assert np.fft.rfftfreq(8192, 1 / rate)[spectrum.argmax()] == pytest.approx(440, abs=2)


def test_sound_that_is_not_finite_is_silence():
    frames = np.zeros((8, 16, 16, 3), np.uint8)
    with av.open(io.BytesIO(encode(frames, 8, sound=(np.full((2, 16000), np.nan, np.float32), 16000)))) as container:
        assert max(np.abs(f.to_ndarray()).max() for f in container.decode(audio=0)) < 1e-6
