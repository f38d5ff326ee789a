"""A short seeded part of `python -m benchmarks.fuzz.media`: files are read as they say, or refused in one line."""

import os
import time

import pytest

from benchmarks.fuzz import media
from examples.media import ramp, save


def test_broken_and_peculiar_files():
    table = media.fuzz(6, seed=7, share=0.0)
    assert not table.bad, table.text()


@pytest.mark.slow
def test_many_broken_and_peculiar_files():
    table = media.fuzz(60, seed=8)
    assert not table.bad, table.text()


@pytest.mark.parametrize("other", [{"shown": (9, 64, 96)}, {"shown": (8, 96, 64)}, {"refuse": True}, {"least": 9}])
def test_what_a_file_does_not_say_is_found(tmp_path, other):
    path = save(tmp_path / "a.mp4", ramp(8))
    assert media.check(media.Case("x", path, shown=(8, 64, 96))) == "right"
    assert "not an image" in media.check(media.Case("x", path, image=True))
    with pytest.raises(media.Wrong, match="is right"):
        media.check(media.Case("x", path, **other))


def test_the_judge_sees_what_must_not_be(tmp_path, monkeypatch):
    monkeypatch.setattr(media, "LIMIT_S", 2.0)

    def wrong(case):
        raise media.Wrong("so")

    acts = {
        "silently wrong": wrong, "traceback": lambda case: 1 / 0, "clear": lambda case: "no",
        "right": lambda case: "right", "crash": lambda case: os.kill(os.getpid(), 9),
        "hang": lambda case: time.sleep(60),
    }  # fmt: skip
    for verdict, act in acts.items():
        monkeypatch.setattr(media, "check", act)
        assert media.judge(media.Case("x", tmp_path), tmp_path)[0] == verdict


def test_a_fresh_interpreter_comes_to_the_same(tmp_path):
    path = save(tmp_path / "a.mp4", ramp(8))
    for case, verdict in ((media.Case("x", path, shown=(8, 64, 96)), "right"), (media.Case("x", path, True), "clear"),
                          (media.Case("x", path, shown=(9, 64, 96)), "silently wrong")):  # fmt: skip
        forked, fresh = (media.judge(case, tmp_path / "out", way) for way in (media.FORK, media.FRESH))
        assert forked == fresh and fresh[0] == verdict
