"""Published configurations: classes that exist, in the spelling of the hub."""

import diffusers
import pytest

from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import feasible
from raysearch.generators.families import AUTOENCODERS, PIPELINES
from raysearch.generators.published import PUBLISHED


@pytest.mark.parametrize("model", PUBLISHED)
def test_its_classes_are_those_of_diffusers_and_of_a_family(model):
    entry = PUBLISHED[model]
    assert entry.pipeline in PIPELINES and entry.vae in AUTOENCODERS
    assert hasattr(diffusers, entry.pipeline) and hasattr(diffusers, entry.network) and hasattr(diffusers, entry.vae)


@pytest.mark.parametrize(
    ("model", "asked", "made"),
    [
        ("Wan-AI/Wan2.1-VACE-14B-diffusers", 8, 9),
        ("Lightricks/LTX-Video", 151, 145),
        ("THUDM/CogVideoX-5b-I2V", 10, 9),
        ("hunyuanvideo-community/HunyuanVideo", 8, 5),
    ],
)
def test_too_few_frames_are_known_before_the_model_is_here(model, asked, made):
    length = feasible.length(GeneratorConfig(model=model, num_frames=asked, height=480, width=832 // 32 * 32))
    assert (length.asked, length.made) == (asked, made)


def test_a_size_that_the_model_cannot_make_is_refused_before_it_is_here():
    with pytest.raises(UsageError, match=r"generator\.height=481: WanVACEPipeline makes multiples of 16"):
        feasible.length(GeneratorConfig(model="Wan-AI/Wan2.1-VACE-14B-diffusers", num_frames=97, height=481, width=832))
