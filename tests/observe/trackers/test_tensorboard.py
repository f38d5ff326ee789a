"""TensorBoard in its local mode, read back from its files."""

import pytest

from tests.observe.trackers.case import resumed

pytest.importorskip("tensorboard", reason="pip install 'raysearch[tensorboard]'")


def test_a_resumed_run_is_one_run_and_every_read_is_there_once(tmp_path, monkeypatch):
    resumed("tensorboard", tmp_path, monkeypatch)
