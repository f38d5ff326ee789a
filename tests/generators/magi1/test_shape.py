"""An architecture is read off the tensors, and tensors of another model are refused."""

import pytest

from raysearch.errors import UsageError
from raysearch.generators.magi1.shape import MAGI_4_5B, MAGI_24B, architecture
from tests.generators.magi1 import tiny


@pytest.mark.parametrize("known", [MAGI_4_5B, MAGI_24B, tiny.TINY, tiny.BIG], ids=lambda a: a.name)
def test_the_tensors_tell_the_architecture(known):
    assert architecture(dict(known.tensors()), "x") == known


def test_the_large_one_has_the_latent_twice_and_a_gate():
    assert (MAGI_4_5B.name, MAGI_24B.name) == ("4.5B", "24B")
    assert MAGI_24B.doubled and MAGI_24B.gated and MAGI_24B.rescale == 0.1 and MAGI_4_5B.rescale == 1


def changed(**more):
    shapes = dict(tiny.TINY.tensors())
    shapes |= {name: shape for name, shape in more.items() if shape}
    return {name: shape for name, shape in shapes.items() if more.get(name, 1) is not None}


@pytest.mark.parametrize(("shapes", "words"), [
    ({"model.weight": (1,)}, "not those of a MAGI-1 network; give a folder"),
    (changed(**{"rope.bands": None}), "not those of a MAGI-1 network"),
    (changed(**{"videodit_blocks.layers.1.mlp.linear_fc1.weight": None}), "1 tensors are missing, the first is .*fc1"),
    (changed(**{"lora.weight": (1,)}), "1 tensors are none of its 2 layers, first lora.weight"),
    (changed(**{"final_linear.linear.weight": (64, 63)}), r"has shape \[64, 63\], the others ask for \[64, 64\]"),
])  # fmt: skip
def test_others_are_refused(shapes, words):
    with pytest.raises(UsageError, match=f"the key: .*{words}"):
        architecture(shapes, "the key")
