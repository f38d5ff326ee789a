"""The arguments of a call, also of pipelines that have none of their own."""

import diffusers
import pytest

from raysearch.errors import UsageError
from raysearch.generators.blocks import is_modular, parameters
from raysearch.generators.classes import refuse_unknown


def test_a_modular_pipeline_takes_what_its_blocks_take_and_pass_on():
    cls = diffusers.MiniMaxH3ModularPipeline
    assert is_modular(cls) and not is_modular(diffusers.WanPipeline)
    known = parameters(cls)
    assert known["num_frames"].default == 124 and {"prompt", "image", "prompt_embeds", "text_token_tags"} <= set(known)
    assert "guidance_scale" not in known and "guidance_scale" in parameters(diffusers.WanPipeline)


def test_what_no_block_takes_is_refused():
    with pytest.raises(UsageError, match="argument of MiniMaxH3ModularPipeline 'guidance_scale' is unknown"):
        refuse_unknown({"guidance_scale": 3.0}, "MiniMaxH3ModularPipeline")
