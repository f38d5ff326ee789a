"""The command that trains the tiny MAGI-1."""

import sys

import pytest

from raysearch.generators.magi1.train.__main__ import main


def test_the_autoencoder_comes_first(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["train", "network", "--out", str(tmp_path)])
    with pytest.raises(
        FileNotFoundError, match=r"magi-vae.*run `python -m raysearch.generators.magi1.train vae` first"
    ):
        main()
