"""What a media file says about its frames is honoured, refused or noted, and no file ends the process."""

import os
import random
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from raysearch import prompts, videos
from raysearch.errors import UsageError
from raysearch.videos import decoder, process


def clip(path, frames=24, rate=24, times=None, ratio=None, size=(96, 64)):
    """A ramp from dark (left) to bright (right), each frame with its number as the level of the first rows."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"crf": "0"}
        if ratio:
            stream.codec_context.sample_aspect_ratio = ratio
        if times:
            stream.codec_context.time_base = Fraction(1, 100)
        for k in range(frames):
            pixels = np.tile(np.linspace(0, 250, size[0]).astype(np.uint8)[None, :, None], (size[1], 1, 3))
            pixels[: size[1] // 2] = 4 * k % 256
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            if times:
                frame.pts, frame.time_base = times[k], Fraction(1, 100)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


MATRICES = {  # display matrix (a, b, c, d): the same on an array [H, W]
    (1, 0, 0, 1): lambda x: x,
    (-1, 0, 0, -1): lambda x: x[::-1, ::-1],
    (0, 1, -1, 0): lambda x: np.rot90(x, -1),
    (0, -1, 1, 0): lambda x: np.rot90(x, 1),
    (-1, 0, 0, 1): lambda x: x[:, ::-1],
}


@pytest.mark.parametrize("matrix", MATRICES)
def test_display_matrices_turn_and_mirror(matrix):
    a, b, c, d = (65536 * x for x in matrix)
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(decoder._upright(pixels, (a, b, 0, c, d, 0, 0, 0, 1 << 30)), MATRICES[matrix](pixels))


def test_slanted_frames_are_refused():
    with pytest.raises(decoder.Refused, match="angle"):
        decoder._upright(np.zeros((2, 2, 3), np.uint8), (46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30))


def test_pixels_become_square(tmp_path):
    assert videos.read(clip(tmp_path / "wide.mp4", ratio=Fraction(2, 1))).frames.shape == (24, 64, 192, 3)


@pytest.mark.parametrize(("fps", "count"), [(8, 8), (24, 24), (48, 48)])
def test_clips_are_resampled_by_time(tmp_path, fps, count):
    frames = videos.read(clip(tmp_path / "a.mp4"), fps=fps).frames
    levels = frames[:, 8, 48].mean(1) / 4
    assert len(frames) == count and np.abs(levels - np.arange(count) * 24 // fps).max() < 0.8


def test_a_prompts_clip_tells_of_its_rate(tmp_path, capsys):
    path = str(clip(tmp_path / "a.mp4"))
    assert len(prompts.frames(prompts.Prompt("a", video=path), 8)) == 8
    assert "resampled from 24 to 8 frames per second" in capsys.readouterr().err


def test_uneven_times_of_a_prompts_clip_are_told(tmp_path, capsys):
    path = str(clip(tmp_path / "a.mkv", 6, times=[0, 4, 12, 16, 24, 28]))
    prompts.frames(prompts.Prompt("a", video=path))
    assert "uneven" in capsys.readouterr().err


def test_only_the_frames_asked_for_are_read(tmp_path):
    assert len(videos.read(clip(tmp_path / "a.mp4"), most=5).frames) == 5


def test_images_are_upright_composited_and_eight_bits(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((4, 8, 3), np.uint8)).save(tmp_path / "turned.jpg", exif=exif)
    assert videos.read_image(tmp_path / "turned.jpg").shape == (8, 4, 3)
    Image.fromarray(np.zeros((4, 8, 4), np.uint8)).save(tmp_path / "clear.png")
    assert (videos.read_image(tmp_path / "clear.png") == 255).all()
    Image.fromarray(np.full((4, 8), 32768, np.uint16)).save(tmp_path / "deep.png")
    assert (videos.read_image(tmp_path / "deep.png") == 128).all()


def test_pipes_folders_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo.mp4")
    for path in (tmp_path / "fifo.mp4", tmp_path, "/dev/zero"):
        with pytest.raises(UsageError, match="not a file"):
            videos.read(path)


def test_a_decoder_that_dies_is_an_error_of_its_file(tmp_path):
    path = clip(tmp_path / "a.mp4", frames=200)
    answers = process.ask(path, "video")
    next(answers)
    answers.gi_frame.f_locals["worker"].process.kill()
    with pytest.raises(UsageError, match="SIGKILL"):
        list(answers)
    assert len(videos.read(path).frames) == 200


def test_damaged_files_are_one_line_and_a_whole_one_is_read_after_them(tmp_path):
    whole = clip(tmp_path / "a.mp4").read_bytes()
    dice = random.Random(7)
    for _ in range(15):
        data = bytearray(whole[: dice.randrange(20, len(whole))] if dice.random() < 0.5 else whole)
        for _ in range(20):
            data[dice.randrange(len(data))] = dice.randrange(256)
        (tmp_path / "b.mp4").write_bytes(data)
        try:
            videos.read(tmp_path / "b.mp4")
        except UsageError as error:
            assert "\n" not in str(error)
    assert len(videos.read(tmp_path / "a.mp4").frames) == 24
