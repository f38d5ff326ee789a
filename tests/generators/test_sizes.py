"""Sizes that a model makes, known from its configurations: frames made of those asked for, multiples of pixels."""

import json

import pytest

from raysearch.cli import main
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import families, feasible
from raysearch.generators.lengths import Chunks
from raysearch.generators.sizes import Length, Sizes, check, sizes

WAN = Sizes("WanPipeline", 16, 4, "wan")
LTX = Sizes("LTXPipeline", 32, 8, "down")
TINY = Sizes("LTXConditionPipeline", 32, 2, "down")
CUT = Sizes("HunyuanVideoImageToVideoPipeline", 16, 4, "down", 4)
EXACT = Sizes("CosmosVideoToWorldPipeline", 16, 8, "exact")
MINIMAX = Sizes("MiniMaxH3ModularPipeline", 32, 4, "chunks", 0, Chunks(17, 5, 5, 2), (124, 345))
SVD = Sizes("StableVideoDiffusionPipeline", 64, 1, "never")


@pytest.mark.parametrize(
    ("model", "asked", "made"),
    [(WAN, 20, 21), (WAN, 8, 9), (WAN, 22, 21), (WAN, 21, 21), (WAN, 1, 1), (WAN, 3, 1), (LTX, 12, 9), (LTX, 9, 9),
     (LTX, 8, 1), (TINY, 16, 15), (TINY, 15, 15), (SVD, 14, 14), (CUT, 129, 125), (CUT, 8, 1),
     (Sizes("x", 16, 4, "given"), 9, None), (MINIMAX, 120, 124), (MINIMAX, 124, 124), (MINIMAX, 125, 141)],
)  # fmt: skip
def test_frames_made_of_those_asked_for(model, asked, made):
    assert model.made(asked) == made


@pytest.mark.parametrize("model", [WAN, LTX, TINY, CUT, SVD, MINIMAX])
@pytest.mark.parametrize("wanted", [1, 2, 9, 16, 17, 80, 121])
def test_enough_is_the_smallest_number_that_makes_so_many(model, wanted):
    enough = model.enough(wanted)
    assert model.made(enough) >= wanted
    assert enough == 1 or model.made(enough - 1) < wanted


@pytest.mark.parametrize(
    ("pipeline", "vae", "vae_config", "network", "multiple", "per_latent"),
    [  # the published configurations, as far as they decide
        ("WanPipeline", "AutoencoderKLWan", {}, {"patch_size": [1, 2, 2]}, 16, 4),
        ("WanPipeline", "AutoencoderKLWan", {"scale_factor_spatial": 16}, {"patch_size": [1, 2, 2]}, 32, 4),
        ("LTXPipeline", "AutoencoderKLLTXVideo",
         {"patch_size": 4, "patch_size_t": 1, "spatio_temporal_scaling": [True, True, True, False]},
         {"patch_size": 1, "patch_size_t": 1}, 32, 8),
        ("CogVideoXPipeline", "AutoencoderKLCogVideoX",
         {"block_out_channels": [128, 256, 256, 512], "temporal_compression_ratio": 4}, {"patch_size": 2}, 16, 4),
        ("HunyuanVideoPipeline", "AutoencoderKLHunyuanVideo", {}, {"patch_size": 2, "patch_size_t": 1}, 16, 4),
        ("HunyuanVideo15Pipeline", "AutoencoderKLHunyuanVideo15",
         {"temporal_compression_ratio": 4, "spatial_compression_ratio": 16}, {"patch_size": 1}, 16, 4),
        ("MochiPipeline", "AutoencoderKLMochi", {}, {"patch_size": 2}, 16, 6),
        ("StableVideoDiffusionPipeline", "AutoencoderKLTemporalDecoder", {}, {"down_block_types": ["a"] * 4}, 64, 1),
        ("MiniMaxH3ModularPipeline", "AutoencoderKLMiniMaxH3", {}, {"patch_size": [1, 2, 2]}, 32, 4),
        ("SanaVideoPipeline", "AutoencoderKLWan", {}, {"patch_size": [1, 2, 2]}, 32, 4),
    ],
)  # fmt: skip
def test_sizes_follow_from_configurations(pipeline, vae, vae_config, network, multiple, per_latent):
    known = sizes(pipeline, vae, vae_config, network)
    assert (known.multiple, known.per_latent) == (multiple, per_latent)


@pytest.mark.parametrize("patch", ["x", -1, 0, 10**12, [[]], {}, [None], float("nan")])
def test_configurations_that_make_no_sense_are_left_to_loading(patch):
    known = sizes("LTXPipeline", "AutoencoderKLLTXVideo", {}, {"patch_size": patch})
    assert known is None or known.multiple == 32
    assert sizes("LTXPipeline", "AutoencoderKLLTXVideo", {"patch_size": "x", "patch_size_t": []}, {}) is None


def test_what_is_not_declared_is_not_known():
    assert sizes("SomebodysPipeline", "AutoencoderKLWan", {}, {}) is None
    assert sizes("WanPipeline", "SomebodysAutoencoder", {}, {}) is None
    assert all(a.covers({}) is None or min(a.covers({})) >= 1 for a in families.AUTOENCODERS.values())


def test_lengths_that_a_pipeline_refuses_are_refused_before_it_is_loaded():
    check(MINIMAX, {"num_frames": 120})
    for frames in (100, 346):  # which would be 362, more than 15 seconds
        with pytest.raises(UsageError, match=rf"num_frames={frames}: .* 17k \+ 5 frames, rounded up, from 124 to 345"):
            check(MINIMAX, {"num_frames": frames})
    assert MINIMAX.latents(124) == 37 and WAN.latents(81) == 21


@pytest.mark.parametrize(("side", "near"), [(33, "32 or 48"), (8, "16"), (47, "32 or 48")])
def test_a_side_that_no_model_makes_names_the_multiples(side, near):
    with pytest.raises(UsageError, match=rf"generator\.width={side}: WanPipeline makes multiples of 16; give {near}$"):
        check(WAN, {"height": 32, "width": side})
    check(WAN, {"height": 32, "width": 48})


def test_the_shipped_model_says_what_it_makes():
    length = feasible.length(GeneratorConfig(num_frames=16))
    assert (length.asked, length.made) == (16, 15)
    assert length.note == "15 will be made: LTXConditionPipeline makes 2k + 1 frames"
    assert feasible.length(GeneratorConfig(num_frames=15)).note == ""
    assert Length.of(Sizes("x", 16, 4, "given"), 9) is None


def test_config_and_plan_say_how_many_frames_will_be_made(tmp_path, capsys):
    job = tmp_path / "job.yaml"
    job.write_text(json.dumps({"run": str(tmp_path / "run"), "prompts": {"heldout": 1}, "reward": "motion", "watch": [],
                               "generator": {"num_frames": 16}, "search": {"name": "best_of_n", "n": 1}}))  # fmt: skip
    assert main(["config", str(job)]) == 0
    line = next(text for text in capsys.readouterr().out.splitlines() if "num_frames: 16" in text)
    assert line.endswith("; 15 will be made: LTXConditionPipeline makes 2k + 1 frames")
    assert main(["config", str(job), "generator.height=33"]) == 2
    assert "makes multiples of 32" in capsys.readouterr().err
    assert main(["plan", str(job), "--seconds-per-nfe", "1"]) == 0
    assert "generator.num_frames=16: 15 will be made" in capsys.readouterr().out
    for words, refused in (
        (["generator.height=33"], "generator.height=33: LTXConditionPipeline makes multiples of 32; give 32 or 64"),
        (["reward=vjepa2", "generator.num_frames=16"], "generator.num_frames=16 makes 15"),
    ):
        assert main(["plan", str(job), *words, "--seconds-per-nfe", "1"]) == 2
        assert refused in capsys.readouterr().err


def test_a_length_that_the_pipeline_fails_on_is_refused():
    check(EXACT, {"num_frames": 121})
    with pytest.raises(UsageError, match=r"num_frames=120: .* makes 8k \+ 1 frames; give 113 or 121"):
        check(EXACT, {"num_frames": 120})
