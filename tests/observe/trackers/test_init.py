"""The setting `track`: checked without the package, and a missing package told."""

import importlib.util

import pytest

from raysearch.errors import UsageError
from raysearch.observe import trackers


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("wand", "did you mean 'wandb'?"),
        ({"project": "a"}, "track.name is missing; give one of tensorboard, wandb, mlflow"),
        ({"name": "wandb", "api_key": "x"}, "keys of a service come from the environment alone"),
        ({"name": "mlflow", "experiment": 3}, "track.experiment=3: give a text"),
    ],
)
def test_a_wrong_setting_is_refused_without_the_package(given, said):
    with pytest.raises(UsageError, match=r".*") as refused:
        trackers.read(given, here=False)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"track=mlflow: .* not installed; pip install 'raysearch\[mlflow\]'"):
        trackers.read("mlflow")
    assert trackers.read("mlflow", here=False) == {"name": "mlflow"} and trackers.read(None) == {}
