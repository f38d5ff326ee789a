"""The settings of a generator: what may be given, and the arguments of the call that follow from them."""

import pytest

from raysearch import config
from raysearch.config.generator import GeneratorConfig
from raysearch.errors import UsageError


@pytest.mark.parametrize("dtype", ["float32", {"default": "bfloat16", "vae": "float32"}])
def test_a_dtype_is_one_for_all_parts_or_a_mapping(dtype):
    assert config.typed({"generator": {"dtype": dtype}}, "the test").generator.dtype == dtype


def test_a_dtype_that_there_is_not_names_the_part():
    with pytest.raises(UsageError, match=r"generator.dtype.vae: 'fp32' is unknown"):
        config.typed({"generator": {"dtype": {"vae": "fp32"}}}, "the test")
    with pytest.raises(UsageError, match=r"generator.dtype='fp32': give float32 or bfloat16 or float16 or a mapping"):
        config.typed({"generator": {"dtype": "fp32"}}, "the test")


def test_a_shift_makes_a_table_of_times():
    call = GeneratorConfig(steps=2, shift=3.0, guidance_scale=4.0).pipeline_call()
    assert call == {"guidance_scale": 4.0, "timesteps": [1000.0, 750.0]}
    with pytest.raises(UsageError, match=r"generator.steps is missing"):
        GeneratorConfig(shift=3.0).pipeline_call()
