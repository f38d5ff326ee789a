"""A job beside the card of its model."""

import pytest

from raysearch import config
from raysearch.config import by_card
from raysearch.config.settings import GeneratorConfig

VACE, FORCING = "Wan-AI/Wan2.1-VACE-14B-diffusers", "Wan-AI/Wan2.1-I2V-14B-720P-Diffusers"


def filled(model=VACE, **given):
    return config.typed({"generator": {"model": model, **given}}, "the test").generator


def test_what_a_job_leaves_open_is_as_the_card_says():
    job = filled()
    assert job.dtype == {"default": "bfloat16", "vae": "float32"} and job.scheduler == {"flow_shift": 16.0}
    assert (job.steps, job.guidance_scale, job.fps, job.height, job.width, job.num_frames) == (50, 5, 16, 480, 832, 81)
    assert job.negative_prompt and by_card.notes(job) == []


def test_what_a_job_gives_is_used_and_told():
    job = filled(dtype="bfloat16", steps=30, scheduler={"flow_shift": 5.0, "solver_order": 1})
    assert (job.dtype, job.steps, job.scheduler) == ("bfloat16", 30, {"flow_shift": 5.0, "solver_order": 1})
    (note,) = by_card.notes(job)
    assert note.startswith(f"generator: not as the card of {VACE} says: ") and "\n" not in note
    for told in ("steps=30 (card: 50, official", "scheduler.flow_shift=5.0 (card: 16.0, ", "dtype=bfloat16 (card: "):
        assert told in note
    assert "guidance_scale" not in note


def test_a_mapping_of_dtypes_is_completed_from_the_card():
    job = filled(FORCING, dtype={"vae": "bfloat16"})
    assert job.dtype == {"default": "bfloat16", "vae": "bfloat16", "image_encoder": "float32"}
    assert "dtype=" in by_card.notes(job)[0]


def test_the_shift_follows_the_size():
    model = "Wan-AI/Wan2.1-T2V-14B-Diffusers"
    assert filled(model).scheduler == {"flow_shift": 5.0}
    small = filled(model, height=832, width=480)
    assert small.scheduler == {"flow_shift": 3.0} and by_card.notes(small) == []  # a size of the card, on end


def test_another_size_than_those_of_the_card_is_told():
    assert "height=256 (card: 480" in by_card.notes(filled(height=256, width=832))[0]


def test_a_table_of_times_that_the_job_brings_leaves_the_scheduler_alone():
    assert filled(call={"timesteps": [1000, 500]}).scheduler == {}
    assert filled(shift=3.0).scheduler == {}


def test_an_argument_in_the_call_counts_as_given():
    job = filled("Wan-AI/Wan2.2-T2V-A14B-Diffusers", call={"guidance_scale": 1.0, "guidance_scale_2": 1.0})
    assert job.guidance_scale is None and job.call == {"guidance_scale": 1.0, "guidance_scale_2": 1.0}
    assert "guidance_scale=1.0 (card: 4.0" in by_card.notes(job)[0]


def test_a_model_without_a_card_is_told_once_and_runs_as_before():
    job = filled("someone/model", steps=4, fps=8)
    assert job.dtype == "float32" and job.tiling is False and job.scheduler == {} and job.num_frames is None
    (note,) = by_card.notes(job)
    assert "generator.model='someone/model': no card is known" in note and "generator.card" in note
    assert by_card.notes(filled("tiny")) == []


def test_a_job_can_name_the_card():
    assert filled("someone/model", card=VACE).steps == 50


def test_the_shipped_model_is_as_it_was():
    assert filled("tiny").dtype == "float32" and filled("tiny").scheduler == {} and filled("tiny").tiling is False


def test_a_filled_job_is_read_as_the_same_job(tmp_path):
    job = config.typed({"generator": {"model": VACE}}, "the test")
    file = tmp_path / "job.yaml"
    file.write_text(config.to_yaml(job))
    assert config.load(str(file)) == job


@pytest.mark.parametrize(
    "dtype, part, expected",
    [("bfloat16", "vae", "bfloat16"), ({"default": "float16", "vae": "float32"}, "vae", "float32"),
     ({"default": "float16"}, "vae", "float16"), ({}, "vae", "float32")],
)  # fmt: skip
def test_the_dtype_of_a_part(dtype, part, expected):
    assert by_card.part_dtype(dtype, part) == expected


def test_every_setting_of_the_card_has_a_row():
    generator = GeneratorConfig(model=VACE, steps=30)
    card = by_card.card_of(generator)
    rows = {row.key: row for row in by_card.rows(generator, card)}
    assert set(rows) == set(card.settings) and rows["steps"].differs and rows["steps"].job == 30
    assert by_card.shown(None) == "not set" and len(by_card.shown("x" * 99)) == 60
