"""A prompt as arguments of the pipeline call."""

import pytest

import raysearch.tinyworld.codec  # noqa: F401  so that diffusers finds the class
from raysearch.errors import UsageError
from raysearch.generators.conditioning import arguments
from raysearch.prompts import Prompt, frames

PROMPT = Prompt("p", "a ball", scene="one_ball", scene_seed=3)


def test_frames_for_a_pipeline_that_takes_text_alone():
    with pytest.raises(
        UsageError, match=r"prompt 'p' has 5 conditioning frames.*takes text alone.*LTXConditionPipeline"
    ):
        arguments("LTXPipeline", "a ball", frames(PROMPT), "p")
    assert arguments("LTXPipeline", "a ball", None, "p") == {"prompt": "a ball"}
