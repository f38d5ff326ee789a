"""What encoders answer, remembered by content and handed over: the same bits, without the encoders."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from raysearch.generators import memory
from raysearch.generators.chunked import ChunkedModel
from raysearch.generators.conditions import CannotCarry, arrived, carried, digest
from raysearch.generators.diffusers import DiffusersModel
from raysearch.pretrained import Deferred
from tests.zoo.cases import CASES

CPU = torch.device("cpu")
# Beside the calls that are handed over, its pipeline asks the vision tower of its text encoder for the latents.
ASKED_ELSEWHERE = {"motif-image"}
PICTURE = Image.new("RGB", (4, 2), (1, 2, 3))
X = torch.arange(64.0).view(4, 16)


def noise(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model(case, pipeline):
    if case.chunks > 1:
        return ChunkedModel(pipeline, 2 * case.chunks, 8, chunks=case.chunks, **case.call())
    return DiffusersModel(pipeline, 2, 8, **case.call())


def without_encoders(pipeline) -> list[str]:
    """Take the encoders of a pipeline away until they are needed. Returns a list to which those that were are added.

    A tiny pipeline that is given embeddings has no encoder: nothing may be asked of what stands in its place.
    """
    needed: list[str] = []
    for name in memory.ENCODERS:
        if name in pipeline.components:
            part = getattr(pipeline, name)

            def load(name=name, part=part):
                needed.append(name)
                return part

            setattr(pipeline, name, None)
            setattr(pipeline, name, Deferred(load, lambda part=part: getattr(part, "config", None)))
    return needed


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in CASES])
def test_every_family_makes_the_same_bits_of_conditions_that_another_process_has_computed(case):
    if case.missing:
        pytest.skip(case.missing)
    torch.set_num_threads(1)
    encoding = model(case, case.build()).given("a red ball", case.frames(), "p")
    conditions = pickle.loads(pickle.dumps(encoding.conditions()))
    pipeline = case.build()
    needed = without_encoders(pipeline)
    other = model(case, pipeline).given("a red ball", case.frames(), "p", conditions)
    if case.id in ASKED_ELSEWHERE:
        with pytest.raises(AttributeError):  # it has none here
            other.draw(noise(1))
        assert set(needed) == {"text_encoder"}
        return
    with torch.no_grad():
        x = encoding.draw(noise(1))
        assert (other.draw(noise(1)) == x).all()
        x0 = encoding.denoise(x, 1, noise(2))
        assert (other.denoise(x, 1, noise(2)) == x0).all()
        assert (other.decode(x0, noise(3)) == encoding.decode(x0, noise(3))).all()
    assert not needed


@pytest.mark.parametrize("id", ["wan-text", "ltx", "cogvideox", "mochi", "sana", "svd", "minimax-h3-text"])
def test_without_conditions_encoders_are_loaded_when_they_are_asked(id):
    case = next(c for c in CASES if c.id == id)
    if case.missing:
        pytest.skip(case.missing)
    pipeline = case.build()
    needed = without_encoders(pipeline)
    other = model(case, pipeline).given("a red ball", case.frames(), "p")
    plain = model(case, case.build()).given("a red ball", case.frames(), "p")
    assert not needed
    with torch.no_grad():
        x = plain.draw(noise(1))
        assert (other.denoise(x, 0, noise(2)) == plain.denoise(x, 0, noise(2))).all()
        other.denoise(x, 1, noise(2))
    assert len(needed) == len(set(needed)) > 0


@pytest.mark.parametrize(
    "tensor",
    [X, X[1:, 2:5], X.T[3:, 1:], X[:1].expand(3, 16), X.bfloat16()[:, 3:], X > 8, torch.tensor(3), torch.zeros(0, 3)],
    ids=["whole", "slice", "transposed", "expanded", "bf16", "bool", "scalar", "empty"],
)
def test_a_tensor_arrives_as_it_lay_in_memory(tensor):
    sent = pickle.loads(pickle.dumps(carried({"call": (tensor, None, {"n": [1, tensor]})})))
    new, none, more = arrived(sent, CPU)["call"]
    assert none is None and more["n"][0] == 1 and torch.equal(more["n"][1], tensor)
    assert torch.equal(new, tensor) and new.dtype == tensor.dtype and new.stride() == tensor.stride()
    assert not tensor.numel() or (new.data_ptr() - tensor.data_ptr()) % 64 == 0
    assert sent.nbytes <= 2 * X.nbytes
    new.zero_()  # it can be written to


def test_what_cannot_be_carried_is_not():
    assert carried({"call": (X, object())}) is None
    assert carried({"call": X.to_sparse()}) is None
    with pytest.raises(CannotCarry):
        digest("encode_prompt", object())
    with pytest.raises(CannotCarry):
        digest("encode_prompt", np.array([object()]))


DIFFERENT = [
    ("a",), ("a", None), (["a"],), (("a",),), (["a", "b"],), ("ab",), (1,), (1.0,), (True,), ("1",), ({"k": 1},),
    ({"k": 2},), (X,), (X + 1,), (X.int(),), (X[:2],), (X.view(16, 4),), (PICTURE,), (PICTURE.convert("L"),),
    (PICTURE.rotate(90, expand=True),), (Image.new("RGB", (4, 2), (1, 2, 4)),), (np.zeros(3),), (np.zeros((3, 1)),),
    (torch.float32,), ([["a"], "b"],), ([["a", "b"]],),
]  # fmt: skip


def test_calls_are_told_apart_by_their_content():
    assert len({digest("encode_prompt", *given) for given in DIFFERENT}) == len(DIFFERENT)
    assert digest("encode_image", "a") != digest("encode_prompt", "a")


def test_equal_content_is_the_same_call_whatever_objects_hold_it():
    def given():
        return ["a"], Image.new("RGB", (4, 2), (1, 2, 3)), X.clone(), {"b": 1, "a": np.ones(2)}, torch.float32

    assert digest("encode_prompt", *given()) == digest("encode_prompt", *given())
    assert digest("encode_prompt", X.T) == digest("encode_prompt", X.T.contiguous())
    assert digest("encode_prompt", "a", CPU) == digest("encode_prompt", "a", torch.device("cpu:0"))  # where, not what
