"""Weights & Biases in its local mode, read back from its files."""

import pytest

from raysearch.errors import UsageError
from raysearch.observe import trackers
from tests.observe.trackers.case import resumed

pytest.importorskip("wandb", reason="pip install 'raysearch[wandb]'")


@pytest.mark.slow
def test_a_resumed_run_is_one_run_and_every_read_is_there_once(tmp_path, monkeypatch):
    resumed("wandb", tmp_path, monkeypatch)


def test_without_a_key_weights_and_biases_says_what_to_set(monkeypatch, tmp_path):
    pytest.importorskip("wandb", reason="pip install 'raysearch[wandb]'")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="WANDB_API_KEY is not set; set it in the environment"):
        trackers.read("wandb")
