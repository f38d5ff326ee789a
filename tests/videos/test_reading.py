"""Files are read whole or refused, at the rate asked for, and no file ends the process."""

import random
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from examples.media import CONTAINERS, ball, cut, ramp, save, trimmed
from raysearch import prompts, videos
from raysearch.errors import UsageError


def clip(path, frames=24, **options):
    return save(path, ramp(frames), **options)


def levels(frames):
    """The number of each frame of a ramp."""
    return frames[:, 8, 48].mean(1) / 4


@pytest.mark.parametrize(("fps", "count"), [(8, 8), (24, 24), (48, 48)])
def test_clips_are_resampled_by_time(tmp_path, fps, count):
    frames = videos.read(clip(tmp_path / "a.mp4"), fps=fps).frames
    assert len(frames) == count and np.abs(levels(frames) - np.arange(count) * 24 // fps).max() < 0.8


def test_a_prompts_clip_tells_of_its_rate(tmp_path, capsys):
    path = str(clip(tmp_path / "a.mp4"))
    assert len(prompts.frames(prompts.Prompt("a", video=path), 8)) == 8
    assert "resampled from 24 to 8 frames per second" in capsys.readouterr().err


def test_uneven_times_of_a_prompts_clip_are_told(tmp_path, capsys):
    path = str(clip(tmp_path / "a.mkv", 6, times=[0, 4, 12, 16, 24, 28]))
    prompts.frames(prompts.Prompt("a", video=path))
    assert "uneven" in capsys.readouterr().err


@pytest.mark.parametrize("fps", [None, 8])
def test_only_the_frames_asked_for_are_read(tmp_path, fps):
    path = clip(tmp_path / "a.mp4")
    found = videos.read(path, most=5, fps=fps)
    assert len(found.frames) == found.count == 5 and not found.notes
    assert videos.scan(path, most=5, fps=fps).count == 5


@pytest.mark.parametrize("fps", [None, 8])
def test_a_scan_finds_what_reading_finds(tmp_path, fps):
    path = clip(tmp_path / "a.mp4", ratio=Fraction(2))
    about, found = videos.scan(path, fps=fps), videos.read(path, fps=fps)
    assert (about.count, about.height, about.width) == found.frames.shape[:3]
    assert all(getattr(about, name) == getattr(found, name) for name in ("fps", "uneven", "promised", "notes"))


def test_the_same_fall_at_two_rates_is_the_same_clip(tmp_path, capsys):
    made = []
    for fps in (60, 8):
        path = str(save(tmp_path / f"{fps}.mp4", ball(fps, fps), fps))
        made.append(prompts.frames(prompts.Prompt("a", video=path), 8))
    told = capsys.readouterr().err
    assert "60.mp4: resampled from 60 to 8" in told and "8.mp4: resampled from 8 " not in told
    assert made[0].shape == made[1].shape and np.abs(made[0].astype(int) - made[1]).mean() < 2


def test_edit_lists_hide_frames(tmp_path):
    path = trimmed(clip(tmp_path / "a.mp4", 48), hidden=0.5, shown=1.5)
    found = videos.read(path)
    assert found.count == 36 and not found.notes
    assert np.abs(levels(found.frames) - np.arange(12, 48)).max() < 0.8


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_file_that_is_cut_short_is_refused(tmp_path, suffix):
    path = clip(tmp_path / f"a.{suffix}", 48, rate=25)
    assert videos.read(path).count == 48
    if suffix == "ts":  # says nothing about its length
        assert 20 < videos.read(cut(path, 0.6)).count < 48
        return
    with pytest.raises(UsageError, match=r"cut\.\w+: (the file is cut short|not a video that can be read)"):
        videos.read(cut(path, 0.6))


def test_a_file_cut_after_its_first_frame_is_refused(tmp_path):
    path = clip(tmp_path / "a.flv", 48, rate=25)
    data = path.read_bytes()
    refused = 0
    for end in range(600, len(data), 400):
        (tmp_path / "b.flv").write_bytes(data[:end])
        try:
            assert videos.read(tmp_path / "b.flv").count > 0.9 * 48
        except UsageError:
            refused += 1
    assert refused > 3


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff", "gif", "bmp"])
def test_an_image_that_is_cut_short_is_refused(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)).save(path)
    with pytest.raises(UsageError, match="not an image that can be read"):
        videos.read_image(cut(path, 0.6))


def test_a_file_cut_in_its_header_is_refused_and_the_next_one_read(tmp_path):
    """Without the table of its samples the decoder knows no codec."""
    path = clip(tmp_path / "a.mp4")
    data = path.read_bytes()
    for end in range(data.index(b"moov"), data.index(b"stsz"), 40):
        (tmp_path / "b.mp4").write_bytes(data[:end])
        with pytest.raises(UsageError, match=r"b\.mp4: ") as error:
            videos.read(tmp_path / "b.mp4")
        assert "\n" not in str(error.value)
    assert videos.read(path).count == 24


def test_notes_are_told_once_wherever_a_file_is_read(tmp_path, capsys):
    save(tmp_path / "two.mp4", ramp(4), second=ramp(4))
    for _ in range(2):
        videos.decode(tmp_path / "two.mp4")
    told = capsys.readouterr().err
    assert told.count("several video streams") == 1 and "two.mp4" in told
    Image.new("RGBA", (4, 4)).save(tmp_path / "clear.png")
    videos.read_image(tmp_path / "clear.png")
    prompts.frames(prompts.Prompt("p", image=str(tmp_path / "clear.png")))
    assert capsys.readouterr().err.count("shown on white") == 1


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
