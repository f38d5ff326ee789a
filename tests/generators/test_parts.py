"""Settings that go to parts of a pipeline: dtypes, scheduler, guider; and the frame rate that a network is told."""

import inspect
import json

import pytest
import torch

from examples.tiny_parts import unipc
from raysearch import config as configuration
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import classes, families, feasible, parts
from raysearch.generators.diffusers import DiffusersModel
from tests.zoo import hunyuan, others, wan
from tests.zoo.cases import CASES, hunyuan15_call, ltx_size

CARDED = "Wan2.1-T2V-1.3B-Diffusers"  # the folder of a model that has a card
BF16, FP32 = torch.bfloat16, torch.float32
SMALL = {"steps": 2, "height": 16, "width": 16, "num_frames": 9}


def noise(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def carded(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models") / CARDED
    pipeline = wan.wan()
    pipeline.scheduler = unipc(3.0)
    pipeline.save_pretrained(folder)
    return str(folder)


def settings(model, **given):
    return configuration.typed({"generator": {"model": model, **SMALL, **given}}, "the test").generator


def test_a_model_loads_as_its_card_says(carded):
    model = DiffusersModel.load(settings(carded))
    pipeline = model.pipeline
    assert (pipeline.vae.dtype, pipeline.transformer.dtype, pipeline.text_encoder.dtype) == (FP32, BF16, BF16)
    assert pipeline.scheduler.config.flow_shift == 8.0 and type(pipeline.scheduler) is type(unipc(3.0))
    pipeline = DiffusersModel.load(settings(carded, dtype="float32", scheduler={"flow_shift": 5.0})).pipeline
    assert pipeline.transformer.dtype == FP32 and pipeline.scheduler.config.flow_shift == 5.0
    assert pipeline.scheduler.config.prediction_type == "flow_prediction"  # the rest is the model's own


MIXED = ("wan", "wan-image", "vace-continuation", "skyreels-image", "sana")  # of families whose cards want it


@pytest.mark.parametrize("case", [c for c in CASES if c.id in MIXED], ids=lambda c: c.id)
def test_a_network_in_bf16_works_with_an_autoencoder_in_fp32(case):
    torch.set_num_threads(1)
    pipeline, call = case.build().to(BF16), case.call()
    for name in ("vae", "image_encoder"):
        if getattr(pipeline, name, None) is not None:
            getattr(pipeline, name).to(FP32)
    call = {k: v.to(BF16) if k.endswith("embeds") else v for k, v in call.items()}
    generator = DiffusersModel(pipeline, 2, 8, **call).given("a red ball", case.frames(), "p")
    with torch.no_grad():
        x0 = generator.denoise(generator.draw(noise(0)), 0, noise(0))
        video = generator.decode(x0, noise(0))
    assert x0.dtype == FP32 and bool(torch.isfinite(video).all())


@pytest.mark.parametrize(
    "given, told",
    [
        ({"scheduler": {"flow_shfit": 5}}, r"generator.scheduler: setting of UniPCMultistepScheduler 'flow_shfit' is "
                                           r"unknown; did you mean 'flow_shift'\?"),
        ({"scheduler": {"shift": 5}}, r"'shift' is unknown; did you mean 'flow_shift'\?"),
        ({"dtype": {"vea": "float32"}}, r"generator.dtype: part 'vea' is unknown; did you mean 'vae'\?"),
        ({"dtype": {"vae": "fp32"}}, r"dtype.vae: 'fp32' is unknown"),
    ],
)  # fmt: skip
def test_what_the_model_does_not_have_is_said_before_loading(carded, given, told):
    with pytest.raises(UsageError, match=told) as error:
        feasible.check(settings(carded, **given), [])
    assert "\n" not in str(error.value)


def test_a_value_that_the_scheduler_does_not_take_is_one_line(carded):
    pipeline = wan.wan_unipc()
    parts.set_scheduler(pipeline, {"final_sigmas_type": "sigma_min"})  # which was at its default
    assert pipeline.scheduler.config.final_sigmas_type == "sigma_min"
    with pytest.raises(UsageError, match=r"generator.scheduler=.*: UniPCMultistepScheduler does not take it"):
        parts.set_scheduler(pipeline, {"beta_schedule": "none such"})
    before = pipeline.scheduler
    parts.set_scheduler(pipeline, {})
    assert pipeline.scheduler is before


@pytest.mark.parametrize(
    "index, given, told",
    [
        ({"_class_name": "WanPipeline"}, {"shift": 5.0}, r"generator.shift=5: WanPipeline makes its times by itself"),
        ({"_class_name": "LTXPipeline"}, {"shift": 5.0}, r"generator.scheduler=\{flow_shift: 5.0\}"),
        ({"_class_name": "WanPipeline"}, {"call": {"guidance_scael": 1}}, r"'guidance_scael' is unknown; did you mean"),
    ],
)
def test_an_argument_that_the_class_does_not_take_is_said_before_loading(tmp_path, index, given, told):
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(UsageError, match=told):
        feasible.check(settings(str(tmp_path), fps=8, **given), [])


def test_classes_that_always_give_their_scheduler_sigmas_refuse_times():
    for name in classes.OWN_SIGMAS:
        case = next(c for c in CASES if c.pipeline == name and not c.missing)
        generator = DiffusersModel(case.build(), 2, 8, **case.call(), timesteps=[1000, 500])
        with pytest.raises(ValueError, match="Only one of"):
            generator.given("a red ball", case.frames(), "p").draw(noise(0))


def test_a_network_that_cannot_be_split_is_said_before_loading(tmp_path):
    index = {"_class_name": "WanVACEPipeline", "transformer": ["diffusers", "WanVACETransformer3DModel"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    config = settings(str(tmp_path), fps=8)
    with pytest.raises(UsageError, match=r"generators.ranks=2: diffusers cannot split WanVACETransformer3DModel"):
        feasible.check(config, [], ranks=2)
    feasible.check(config, [])
    index |= {"transformer": ["diffusers", "WanTransformer3DModel"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    feasible.check(config, [], ranks=2)


def test_the_guider_holds_the_guidance_where_the_call_does_not_take_it():
    pipeline, call = hunyuan.hunyuan15(), hunyuan15_call()
    rest = parts.set_guider(pipeline, {**call, "guidance_scale": 4.25})
    assert pipeline.guider.guidance_scale == 4.25 and set(rest) == set(call)
    plain = {"guidance_scale": 4.25}
    assert parts.set_guider(others.ltx(), plain) is plain


def test_the_scale_of_the_guider_changes_the_preview():
    def preview(scale):
        pipeline = hunyuan.hunyuan15()
        call = parts.set_guider(pipeline, {**hunyuan15_call(), "guidance_scale": scale})
        generator = DiffusersModel(pipeline, 2, 8, **call).given("", None, "p")
        with torch.no_grad():
            return generator.denoise(generator.draw(noise(0)), 0, noise(0))

    assert (preview(2.0) != preview(9.0)).any()


def test_every_class_whose_call_takes_a_rate_declares_it():
    import diffusers

    for name, declared in families.PIPELINES.items():
        taken = inspect.signature(getattr(diffusers, name).__call__).parameters
        assert declared.rate == next((rate for rate in ("frame_rate", "fps") if rate in taken), ""), name


def test_the_rate_reaches_the_argument_of_the_model(tmp_path):
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "LTXPipeline"}))
    job = GeneratorConfig(model=str(tmp_path), fps=16.0)
    assert feasible.pin(job).call == {"frame_rate": 16} and job.call == {}
    given = GeneratorConfig(model=str(tmp_path), fps=16.0, call={"frame_rate": 30})
    assert feasible.pin(given) is given
    assert feasible.pin(GeneratorConfig(fps=8.0)).call == {}  # the shipped model, trained at the pipeline's own
    assert parts.with_rate(job, "WanPipeline") is job


def test_the_rate_changes_what_the_network_sees(tmp_path):
    def preview(rate):
        generator = DiffusersModel(others.ltx(), 2, 8, **ltx_size(), frame_rate=rate).given("a red ball", None, "p")
        with torch.no_grad():
            return generator.denoise(generator.draw(noise(0)), 0, noise(0))

    assert (preview(25) != preview(16)).any()
