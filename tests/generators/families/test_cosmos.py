"""What of Cosmos 3 is refused before it is loaded, and which frames it takes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from diffusers.pipelines.cosmos.mixed_precision import Cosmos3MixedPrecisionConfig

from examples.tiny_parts import film
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import feasible, inputs
from raysearch.generators.families.cosmos import condition_3, one_or_five
from tests.zoo.cosmos3 import network

NAME = "Cosmos3OmniPipeline"
SIZE = {"height": 32, "width": 32, "num_frames": 13}


@pytest.fixture
def config(tmp_path):
    """A job with a folder that holds the small files of a model."""
    index = {"_class_name": NAME, "enable_safety_checker": False, "vae": ["diffusers", "AutoencoderKLWan"],
             "transformer": ["diffusers", "Cosmos3OmniTransformer"]}  # fmt: skip
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    return GeneratorConfig(model=str(tmp_path), steps=4, fps=24, **SIZE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"action": "up"}, r"call\.action: no prompt gives an action"),
        ({"mixed_precision_format": "fp8"}, r"call\.mixed_precision_format='fp8': the first and last steps would be"),
        ({"condition_frame_indexes_vision": [3]}, r"condition_frame_indexes_vision: a clip stands at the beginning"),
    ],
)
def test_what_a_prompt_cannot_give_or_a_step_cannot_tell_is_refused(config, call, message):
    feasible.check(replace(config, call={"enable_sound": True, "mixed_precision_format": "none"}), [])
    with pytest.raises(UsageError, match=message):
        feasible.check(replace(config, call=call), [])


def test_a_checkpoint_whose_steps_differ_in_precision_is_refused(config, tmp_path):
    """diffusers itself makes a schedule of such a policy, by the number of the step."""
    policy = {"quant_method": "modelopt", "diffusion_step_policy": {"first_steps": 2, "last_steps": 1}}
    (tmp_path / "transformer").mkdir()
    (tmp_path / "transformer/config.json").write_text(json.dumps({"quantization_config": policy}))
    with pytest.raises(UsageError, match=r"computed in more bits.*take the checkpoint in bfloat16"):
        feasible.check(config, [])
    assert Cosmos3MixedPrecisionConfig.resolve(network()).format == "none"  # ours, and those that say nothing


def test_the_guardrail_is_built_unless_the_model_says_no():
    index = {"enable_safety_checker": False}
    inputs.check_parts(NAME, index)
    for others in ({}, {"enable_safety_checker": True}):
        with pytest.raises(UsageError, match="builds its safety_checker with the Python package cosmos_guardrail"):
            inputs.check_parts(NAME, others)


def test_an_image_or_five_frames_condition_it_at_the_size_of_the_video():
    (frame,) = condition_3(film(1, 64), SIZE, "p").values()
    assert frame.size == (32, 32) and np.asarray(frame).shape == (32, 32, 3)
    clip = condition_3(film(9, 32), SIZE, "p")["video"]
    assert len(clip) == one_or_five(9, 4) == 5 and (np.asarray(clip[-1]) == film(9, 32)[-1]).all()
    with pytest.raises(UsageError, match="has 3 conditioning frames; Cosmos continues 1 frame or at least 5"):
        condition_3(film(3, 32), SIZE, "p")
