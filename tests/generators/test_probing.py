"""What is read from the code of pipeline classes that no family declares."""

import inspect

import diffusers
import pytest

from examples.tiny_parts import film
from raysearch.errors import UsageError
from raysearch.generators import families, feasible, inputs, probing
from raysearch.generators.conditioning import arguments
from raysearch.prompts import Prompt
from tests.generators.test_families import index


def video_classes():
    """The pipeline classes of diffusers that make videos."""
    for name in dir(diffusers):
        cls = getattr(diffusers, name, None) if name.endswith("Pipeline") else None
        called = isinstance(cls, type) and inspect.isfunction(getattr(cls, "__call__", None))  # noqa: B004
        if called and "frames=" in inspect.getsource(cls):
            yield cls


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("AnyFlowPipeline", "its network is told the time of the next step too"),
        ("HeliosPyramidPipeline", "one call makes several chunks, each with a schedule of its own"),
        ("LTXI2VLongMultiPromptPipeline", "one call makes several chunks"),
        ("WanAnimatePipeline", "its call needs pose_video, face_video, which no prompt gives"),
        ("LucyEditPipeline", "its call needs video, which no prompt gives"),
        ("Kandinsky6TI2VAPipeline", "its state is more than a video .audio_latents."),
        ("CogVideoXFunControlPipeline", "it follows control_video, which no prompt gives"),
        ("AnimateDiffVideoToVideoPipeline", "it starts from a noised video"),
        ("Kandinsky6SRPipeline", "it has no prepare_latents"),
        ("StableDiffusionPipeline", "its call returns no frames"),
        ("LTXLatentUpsamplePipeline", "its call takes neither text nor an image"),
    ],
)
def test_what_cannot_be_driven_is_refused_by_its_own_code_before_loading(tmp_path, name, reason):
    with pytest.raises(UsageError, match=rf"{name} cannot be driven one step at a time: {reason}"):
        feasible.check(index(tmp_path, name), [Prompt("p", "a red ball")])


def test_a_class_that_diffusers_does_not_have_is_refused_before_loading(tmp_path):
    with pytest.raises(
        UsageError, match=r"MysteryPipeline cannot be driven .*the installed diffusers does not have it"
    ):
        feasible.check(index(tmp_path, "MysteryPipeline"), [Prompt("p", "a red ball")])


IN_THE_CODE = {  # what has to be in the code of a class that families refuse, as long as its reason is true
    "Cosmos3OmniPipeline": "latents.unsqueeze(0)",  # it has no batch axis
    "MiniMaxH3ModularPipeline": "self._blocks(",
    "LTX2InContextPipeline": "reference_conditions:",
    "LTX2HDRPipeline": "reference_conditions:",
    "LTX2DFRPipeline": "self.denoise(",
    "LTX2DFRTemporalRefinePipeline": "self.denoise(",
}


def test_the_reasons_of_what_families_refuse_are_still_true():
    """The reason is what the code of the class tells, or else what stands in its code says so."""
    for name, reason in families.REFUSED.items():
        cls = probing.diffusers_class(name)
        assert probing.refusal(cls), f"{name}: its code speaks no longer against it"
        if name in IN_THE_CODE:
            assert IN_THE_CODE[name] in inspect.getsource(cls.__call__), name
        else:
            assert probing.refusal(cls) == reason


def test_what_a_class_takes_is_read_from_its_call():
    plain, pictured = families.of("LattePipeline"), families.of("ChronoEditPipeline")
    assert plain.takes == ("text",) and not plain.needs_frames and plain.probed and not plain.tested
    assert pictured.takes == ("text", "image") and pictured.needs_frames
    assert "image" in arguments("ChronoEditPipeline", "a ball", film(1, 16), "p", {"prompt_embeds": 0})
    with pytest.raises(UsageError, match="1 conditioning frame, but LattePipeline takes text alone"):
        inputs.check(plain, 1, "p")
    with pytest.raises(UsageError, match="needs image"):
        inputs.check(pictured, 0, "p")


def test_what_families_declare_gives_every_class_what_its_call_requires():
    """A new release that requires one more argument fails here, and not at its first run."""
    for name, declared in families.PIPELINES.items():
        if (cls := probing.diffusers_class(name)) is None:
            continue
        given = {"prompt"} | ({"image", "video"} if declared.needs_frames else set())
        assert set(probing.required(cls)) <= given, name


@pytest.mark.slow  # it imports every pipeline of diffusers
def test_every_video_class_of_diffusers_is_declared_or_refused_or_probed_on_purpose():
    """Classes that are driven without a family are few and known; a new release may add some, which is decided here."""
    open_ones = {c.__name__ for c in video_classes() if not families.of(c).refused and families.of(c).probed}
    assert open_ones == PROBED


PROBED = {
    "AllegroPipeline", "AnimateDiffPAGPipeline", "AnimateDiffPipeline", "AnimateDiffSDXLPipeline",
    "ChronoEditPipeline", "EasyAnimatePipeline", "I2VGenXLPipeline", "LattePipeline", "PIAPipeline",
    "TextToVideoSDPipeline",
}  # fmt: skip
