"""Clips that the official scorer would not take."""

import re
import shutil

import numpy as np
import pytest

from raysearch import cli
from tests.evals.physics_iq import case


def spoil_missing(folder):
    (folder / "0002_perspective-center_trimmed-synth-ball-roll.mp4").unlink()
    return r"0002_perspective-center\S*\.mp4: missing"


def spoil_duration(folder):
    return rewrite(folder, lambda f: (f[:39], 8)) + ": lasts 4.875 s"


def spoil_odd(folder):
    path = folder / "0001_perspective-left_trimmed-synth-ball-roll.mp4"
    case.save(path, np.zeros((40, 47, 63, 3), np.uint8), 8)
    return path.name + r": is 63x47; width and height must be even"


def spoil_pace(folder):
    path = folder / "0001_perspective-left_trimmed-synth-ball-roll.mp4"
    times = [125 * k + (60 if k % 5 == 2 else 0) for k in range(40)]
    case.save(path, np.zeros((40, 48, 64, 3), np.uint8), 8, times=times)
    return path.name + ": the frame rate varies"


def spoil_double(folder):
    shutil.copy(folder / "0001_perspective-left_trimmed-synth-ball-roll.mp4", folder / "0001_again.mp4")
    return r"number 0001 is there twice, also as 0001_again\.mp4"


def spoil_other_type(folder):
    (folder / "notes.txt").write_text("x")
    return r"notes\.txt: not a clip of this data set"


def spoil_rate(folder):
    return rewrite(folder, lambda f: (f.repeat(2, 0)[:60], 12)) + ": has 12 frames per second"


def spoil_bytes(folder):
    path = folder / "0003_perspective-right_trimmed-synth-ball-roll.mp4"
    path.write_bytes(b"not a video")
    return path.name + ": not a video that can be read"


def rewrite(folder, change):
    from raysearch.videos import decode

    path = folder / "0002_perspective-center_trimmed-synth-ball-roll.mp4"
    frames, rate = change(decode(path)[0])
    case.save(path, frames, rate)
    return path.name


@pytest.mark.parametrize(
    "spoil",
    [spoil_missing, spoil_duration, spoil_odd, spoil_pace, spoil_double, spoil_other_type, spoil_rate, spoil_bytes],
)
def test_bad_clips_are_one_line_that_names_the_file(small, tmp_path, capsys, spoil):
    bench, folder = small
    words = ["physics-iq", "score", str(folder), "--data", str(bench), "--out", str(tmp_path / "out"), "--workers", "0"]
    message = spoil(folder)
    assert cli.main([*words, "--cache", str(tmp_path / "cache")]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert re.search(message, told[0]), told
    assert not (tmp_path / "out").exists() and not (tmp_path / "cache").exists()
