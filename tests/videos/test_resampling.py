"""Frames at an even rate are those shown at their times, also where a container has rounded the times."""

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.videos.resampling import Resampler, seconds, uneven


def resampled(times, fps, rate=24.0):
    resampler, made = Resampler(fps), []
    for k, time in enumerate(times):
        made += resampler.add(time, np.array([k]))
    return [int(f[0]) for f in made + resampler.end(rate)]


def rounded(count, fps):
    return [round(k / fps, 3) for k in range(count)]


@pytest.mark.parametrize("fps", [24, 30, 60, 1000 / 7])
def test_an_even_clip_at_its_own_rate_stays_as_it_is(fps):
    assert resampled(rounded(200, fps), fps, fps) == list(range(200))


@pytest.mark.parametrize(("old", "new"), [(48, 24), (60, 20), (24, 8), (60, 15)])
def test_a_divisor_of_the_rate_takes_every_so_many_frames(old, new):
    assert resampled(rounded(120, old), new, old) == list(range(0, 120, old // new))


def test_uneven_frames_are_shown_for_as_long_as_they_last():
    assert resampled([0, 0.1, 0.4, 0.5], 10, 10) == [0, 1, 1, 1, 2, 3]


def test_without_times_and_with_endless_frames():
    with pytest.raises(UsageError, match="no times"):
        resampled([None, None], 8)
    with pytest.raises(UsageError, match="shown for over"):
        resampled([0, 1e7], 8)


def test_what_times_tell():
    assert not uneven(rounded(100, 30)) and not uneven([0.0, 5.0]) and uneven([0, 0.1, 0.2, 0.35])
    assert seconds(rounded(48, 24), 24) == pytest.approx(2, abs=2e-3) and seconds([None, 0.0], 4) == 0.25
    assert seconds([0.0], 0) == seconds([None], 24) == float("inf")
