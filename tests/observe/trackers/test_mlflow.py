"""MLflow in its local mode, read back from its files."""

import pytest

from tests.observe.trackers.case import resumed

pytest.importorskip("mlflow", reason="pip install 'raysearch[mlflow]'")


@pytest.mark.slow
def test_a_resumed_run_is_one_run_and_every_read_is_there_once(tmp_path, monkeypatch):
    resumed("mlflow", tmp_path, monkeypatch)
