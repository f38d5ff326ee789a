"""`generator.name: api` is found by its name, and loading it neither asks the endpoint nor loads torch too early."""

import subprocess
import sys

import pytest

from raysearch import config
from raysearch.errors import UsageError
from raysearch.generators import load
from tests.generators.api.test_settings import OWN


def test_it_is_loaded_without_a_request():
    model = load(config.typed({"generator": OWN}, "test").generator)
    assert type(model).__name__ == "ApiModel" and model.fps == 8.0
    with pytest.raises(UsageError, match=r"generator\.endpoint is missing"):
        load(config.typed({"generator": {**OWN, "endpoint": None}}, "test").generator)


def test_checks_load_no_torch():
    code = "import sys, raysearch.generators.api; print([m for m in ('torch', 'diffusers') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
