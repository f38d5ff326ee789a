"""A part that is loaded when it is first used."""

import copy
from types import SimpleNamespace

import pytest
import torch

from raysearch import pretrained
from raysearch.errors import UsageError
from raysearch.pretrained import Deferred


@pytest.fixture
def part():
    """A Deferred of a small network, and how often it was loaded."""
    loads = []

    def load():
        loads.append(torch.nn.Linear(2, 3))
        return loads[-1]

    return Deferred(load, lambda: SimpleNamespace(model_type="linear")), loads


def test_it_is_loaded_once_by_the_first_use(part):
    deferred, loads = part
    assert deferred.waiting and not loads
    assert deferred(torch.ones(1, 2)).shape == (1, 3)
    assert deferred.out_features == 3 and deferred.get() is loads[0] and not deferred.waiting
    assert len(loads) == 1


def test_being_looked_at_loads_nothing(part):
    deferred, loads = part
    assert not hasattr(deferred, "_hf_hook") and deferred.config.model_type == "linear"
    assert isinstance(copy.copy(deferred), Deferred) and not loads


def test_what_is_to_be_done_to_it_is_done_when_it_is_loaded(part):
    deferred, loads = part
    deferred.then(lambda network: network.requires_grad_(False))
    deferred.then(lambda network: network.to(torch.float64))
    assert not loads
    assert deferred.weight.dtype == torch.float64 and not deferred.weight.requires_grad


def test_a_pipeline_is_loaded_without_its_deferred_parts(tmp_path):
    from examples.tiny_wan import wan

    wan().save_pretrained(tmp_path)
    whole = pretrained.pipeline(str(tmp_path), "generator.model")
    file = next((tmp_path / "text_encoder").glob("*.safetensors"))
    kept = file.read_bytes()
    file.write_bytes(kept[:-4])
    names = ["text_encoder", "image_encoder"]  # it has no image encoder
    light = pretrained.pipeline(str(tmp_path), "generator.model", deferred=names)
    assert light.text_encoder.waiting and light.text_encoder.config.d_model == 32
    with pytest.raises(UsageError, match=r"part text_encoder: .*is cut short"):
        light.text_encoder.get()
    file.write_bytes(kept)
    loaded = light.text_encoder.get().state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in whole.text_encoder.state_dict().items())
