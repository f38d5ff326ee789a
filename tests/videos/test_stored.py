"""Headers, and frames as they are stored."""

from fractions import Fraction

import av
import numpy as np
import pytest

from examples.media import CONTAINERS, cut, ramp, save, turned
from raysearch.errors import UsageError
from raysearch.videos import stored
from raysearch.videos.process import ask


def frames(path, form, most=None):
    return [pixels for _, pixels in ask(path, "stored", form=form, most=most) if pixels is not None]


def header(path, packets=True):
    ((facts, _),) = ask(path, "header", packets=packets)
    return facts


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_header_counts_frames(tmp_path, suffix):
    found = header(save(tmp_path / f"a.{suffix}", ramp(25), 25))
    assert (found["frames"], found["width"], found["height"], found["audio"]) == (25, 96, 64, False)
    assert Fraction(found["fps"]) == 25 and found["plain"] and not found["uneven"]


def test_a_header_tells_what_a_viewer_would_change(tmp_path):
    assert not header(save(tmp_path / "a.mp4", ramp(3), ratio=Fraction(2)))["plain"]
    assert not header(turned(save(tmp_path / "a.mp4", ramp(3)), (0, 1, -1, 0)))["plain"]
    assert header(save(tmp_path / "a.mkv", ramp(5), times=[0, 4, 12, 16, 24]))["uneven"]


def test_planes_are_those_of_the_file(tmp_path):
    path = save(tmp_path / "a.mp4", ramp(5))
    with av.open(str(path)) as file:
        wanted = [f.to_ndarray() for f in file.decode(video=0)]
    assert np.array_equal(frames(path, "yuv420p"), wanted)
    assert np.array_equal(frames(path, "yuv420p", 2), wanted[:2])


def test_planes_of_odd_frames_lose_a_line(tmp_path):
    path = save(tmp_path / "a.avi", ramp(2, (63, 47)), codec="ffv1")
    assert [f.shape for f in frames(path, "yuv420p")] == [(69, 62)] * 2
    assert [f.shape for f in frames(path, "rgb24")] == [(47, 63, 3)] * 2


@pytest.mark.parametrize("suffix", ["gif", "apng", "ogg"])
def test_the_mark_of_the_end(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", ramp(9))
    assert not stored.end_is_missing(str(path), suffix)
    assert all(stored.end_is_missing(str(cut(path, share)), suffix) for share in (0.1, 0.5, 0.95))


def test_what_breaks_off_is_refused(tmp_path):
    path = save(tmp_path / "a.mp4", ramp(9))
    with pytest.raises(UsageError, match=r"cut\.mp4: not a video that can be read"):
        frames(cut(path, 0.5), "rgb24")
