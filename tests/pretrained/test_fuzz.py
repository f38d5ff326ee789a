"""A short seeded part of `python -m benchmarks.fuzz.models`: broken model folders are right, or refused in one line."""

from benchmarks.fuzz import models


def test_broken_model_folders():
    table = models.fuzz(len(models.DAMAGES), seed=5)
    assert not table.bad, table.text()


def test_the_judge_sees_what_must_not_be(tmp_path, monkeypatch):
    out = tmp_path / "out.txt"
    monkeypatch.setattr(models, "LIMIT_S", 1.0)
    monkeypatch.setattr(models, "load", lambda kind, folder: "other weights")
    assert models.judge("vjepa2", tmp_path, "weights", True, out)[0] == "silently wrong"
    assert models.judge("vjepa2", tmp_path, "weights", False, out)[0] == "right"
    for act, verdict in ((lambda *given: 1 / 0, "traceback"), (lambda *given: models.time.sleep(60), "hang"),
                         (lambda *given: models.os.kill(models.os.getpid(), 9), "crash")):  # fmt: skip
        monkeypatch.setattr(models, "load", act)
        assert models.judge("vjepa2", tmp_path, "weights", False, out)[0] == verdict
