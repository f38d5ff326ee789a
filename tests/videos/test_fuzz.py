"""A short seeded part of `python -m benchmarks.fuzz.media`: files are read as they say, or refused in one line."""

import os
import time

from benchmarks.fuzz import media
from examples.media import ramp, save


def test_broken_and_peculiar_files():
    table = media.fuzz(12, seed=7)
    assert not table.bad, table.text()


def test_the_judge_sees_what_must_not_be(tmp_path, monkeypatch):
    path = save(tmp_path / "a.mp4", ramp(8))
    for wanted, verdict in (((8, 64, 96), "right"), ((9, 64, 96), "silently wrong"), ((8, 96, 64), "silently wrong")):
        assert media.judge(media.Case("x", path, shown=wanted))[0] == verdict
    assert media.judge(media.Case("x", path, refuse=True))[0] == "silently wrong"
    assert media.judge(media.Case("x", path, least=9))[0] == "silently wrong"
    assert media.judge(media.Case("x", path, image=True))[0] == "clear"
    monkeypatch.setattr(media, "LIMIT_S", 1.0)
    for act, verdict in ((lambda case: 1 / 0, "traceback"), (lambda case: os.kill(os.getpid(), 9), "crash"),
                         (lambda case: time.sleep(60), "hang")):  # fmt: skip
        assert media.judge(media.Case("x", path), act)[0] == verdict
