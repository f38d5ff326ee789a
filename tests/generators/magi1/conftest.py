"""What the published code answered, and a tiny checkpoint."""

import json
from functools import lru_cache

import pytest
import torch
from safetensors import safe_open

from tests.generators.magi1 import cases, tiny


@lru_cache
def committed():
    with safe_open(cases.REFERENCE, "pt") as file:
        about = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    links, runs = json.loads(about["links"]), json.loads(about["runs"])
    return tensors | {name: tensors[of] for name, of in links.items()}, runs


@pytest.fixture(scope="session")
def reference():
    return committed()[0]


@pytest.fixture(scope="session")
def runs():
    return committed()[1]


@pytest.fixture(scope="session")
def small():
    return cases.small()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tiny.write(tmp_path_factory.mktemp("magi1"))


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield
