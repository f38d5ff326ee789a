"""Which card a model has, and that every card speaks of settings that exist."""

import inspect
from dataclasses import fields

import pytest

from raysearch import cards
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import families
from raysearch.generators.blocks import is_modular, parameters
from raysearch.generators.parts import in_guider

VACE = "Wan-AI/Wan2.1-VACE-14B-diffusers"
EVERY = {card.name: card for card in cards.CARDS.values()}
# The schedulers that the hub folders of a family name; a pipeline's own annotation names another one.
SCHEDULERS = {
    "Wan": "UniPCMultistepScheduler", "SkyReels": "UniPCMultistepScheduler", "CogVideoX": "CogVideoXDDIMScheduler",
    "SanaVideo": "DPMSolverMultistepScheduler", "Cosmos3": "UniPCMultistepScheduler",
    "MiniMaxH3": "MiniMaxH3Scheduler",
}  # fmt: skip


@pytest.mark.parametrize(
    "folder",
    [
        "/models/wan2.1-vace-14b-diffusers",
        "models/Wan2.1-VACE-14B-diffusers/",
        "/home/me/.cache/huggingface/hub/models--Wan-AI--Wan2.1-VACE-14B-diffusers/snapshots/0123",
    ],
)
def test_a_folder_of_the_name_of_a_model_has_its_card(folder):
    assert cards.find(folder) is cards.find(VACE) is cards.CARDS[VACE]


def test_another_folder_has_none_unless_the_job_names_one():
    assert cards.find("/models/mine") is None
    assert cards.find("/models/mine", VACE) is cards.CARDS[VACE]
    with pytest.raises(UsageError, match=r"generator.card: card 'Wan-AI/Wan2.1-VACE-14B' is unknown; did you mean"):
        cards.find("/models/mine", "Wan-AI/Wan2.1-VACE-14B")


@pytest.mark.parametrize("card", EVERY.values(), ids=EVERY)
def test_every_setting_of_a_card_exists(card):
    import diffusers

    cls = getattr(diffusers, card.pipeline)
    taken = set(parameters(cls))
    parts = set(inspect.signature(cls.__init__).parameters)
    if is_modular(cls):
        parts = {part.name for part in getattr(diffusers, cls.default_blocks_name)().expected_components}
    scheduler = next((s for prefix, s in SCHEDULERS.items() if card.pipeline.startswith(prefix)), None)
    scheduler = getattr(diffusers, scheduler or "FlowMatchEulerDiscreteScheduler")
    plain = {f.name for f in fields(GeneratorConfig)}
    renamed = {"num_frames": "frames" if "frames" in taken else "num_frames"}
    for key, said in card.settings.items():
        part, _, name = key.rpartition(".")
        if part == "call":
            assert name in taken, key
        elif part == "scheduler":
            assert name in inspect.signature(scheduler.__init__).parameters, key
        else:
            assert key in plain, key
        if key == "dtype":
            assert set(said.value) - {"default"} <= parts, said.value
        if key in ("guidance_scale", "negative_prompt", "height", "width", "num_frames"):
            assert renamed.get(key, key) in taken or (key == "guidance_scale" and in_guider(cls)), key
        assert said.source and bool(said.others) >= bool(said.why), key


@pytest.mark.parametrize("card", EVERY.values(), ids=EVERY)
def test_a_card_says_what_no_job_can_leave_open(card):
    size = set() if families.of(card.pipeline).image_sizes else {"height", "width"}  # else the image decides it
    assert {"dtype", "steps", "fps", "num_frames"} | size <= set(card.settings)
