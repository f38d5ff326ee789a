"""Surprise maps of a run: one scale, the first break, and what the page holds of them."""

import base64
import math

import numpy as np
import pytest

from raysearch.moves import Outcome
from raysearch.report import maps


def made(peak_at=None, T=17, G=4):
    rng = np.random.default_rng(0)
    values = rng.uniform(0.2, 0.4, (T, G, G)).astype(np.float32)
    values[:2] = math.nan
    if peak_at is not None:
        values[peak_at, 1, 2] = 3.0
    return maps.VideoMap(values, (0.0, 0.125, 1.0, 0.75))


def test_a_break_stands_out_among_all_frames():
    found = maps.Maps({"films/a.mp4": made(), "films/b.mp4": made(9)})
    assert found.first_break("films/a.mp4") is None
    assert found.first_break("films/b.mp4") == 9 / 17


def test_surprise_that_grows_with_time_is_no_break():
    def drifting(extra=0.0):
        values = (
            np.random.default_rng(int(10 * extra)).uniform(0, 0.02, (17, 4, 4)) + np.linspace(0, 1, 17)[:, None, None]
        )
        values[6] += extra
        return maps.VideoMap(values.astype(np.float32), (0.0, 0.0, 1.0, 1.0))

    found = maps.Maps({"a": drifting(), "b": drifting(0.1), "c": drifting(0.5), "d": drifting(0.0)})
    assert [found.first_break(k) for k in "acd"] == [None, 6 / 17, None]


def test_the_page_holds_a_byte_for_each_cell_and_none_for_what_was_not_predicted():
    found = maps.Maps({"films/b.mp4": made(9)})
    written = found.written("films/b.mp4")
    cells = np.frombuffer(base64.b64decode(written["cells"]), np.uint8).reshape(
        written["t"], written["g"], written["g"]
    )
    assert (written["t"], written["g"], written["box"]) == (17, 4, [0.0, 0.125, 1.0, 0.75])
    assert not cells[:2].any() and cells[2:].min() >= 1 and cells[9, 1, 2] == cells.max()


def test_long_and_fine_maps_are_made_smaller_and_keep_their_peaks():
    values = np.zeros((200, 32, 32), np.float32)
    values[100, 31, 31] = 1.0
    written = maps.Maps({"f": maps.VideoMap(values, (0, 0, 1, 1))}).written("f")
    cells = np.frombuffer(base64.b64decode(written["cells"]), np.uint8)
    assert written["t"] <= maps.FRAMES and written["g"] == 16 and cells.max() == 255


def test_files_that_are_no_maps_are_left_out():
    for text in (b"{", b"[]", b'{"box": [0, 0, 1], "values": [[[1]]]}', b'{"box": [0, 0, 1, 1], "values": [1]}'):
        assert maps._parsed(text) is None
    assert maps._parsed(b'{"box": [0, 0, 1, 1], "values": [[[null]]]}') is not None


@pytest.mark.parametrize(
    ("told", "at"), [({"break": 6.0, "frames": 12.0}, 0.5), ({"break": 12.0, "frames": 12.0}, None)]
)
def test_a_break_that_the_reward_has_told_is_the_one_that_is_marked(told, at):
    calm = maps.Maps({"a": maps.VideoMap(np.ones((12, 2, 2), np.float32), (0.0, 0.0, 1.0, 1.0))})
    assert calm.marked("a", Outcome("k", 1.0, told)) == at
    assert calm.marked("a", Outcome("k", 1.0, {})) is None
