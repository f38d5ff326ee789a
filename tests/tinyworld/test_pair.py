"""The shipped weights: small, loadable by the ordinary from_pretrained, belonging together, and good enough."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import VJEPA2Model

import raysearch.tinyworld.codec  # noqa: F401
from benchmarks.gates import LIMITS, STRIDE, auroc, aurocs, feature_rank
from benchmarks.rewards_table import rebuilding, scores
from examples.candidates import truth_of, views
from raysearch.report.statistics import spearman
from raysearch.rewards.videomae.reward import VideoMAEReward
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.tinyworld import weights
from raysearch.tinyworld.codec import TinyPatchCodec
from raysearch.tinyworld.heldout import condition
from raysearch.tinyworld.models import masked_autoencoder
from raysearch.tinyworld.physics import SCENES, sample, simulate
from raysearch.tinyworld.train import codec as codec_training
from raysearch.tinyworld.train import videomae as videomae_training
from raysearch.tinyworld.train.data import clips, to_float, with_meetings
from raysearch.tinyworld.train.loop import Recipe
from raysearch.tinyworld.truth import measure

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def codec() -> TinyPatchCodec:
    torch.set_num_threads(1)
    return TinyPatchCodec.from_pretrained(weights("generator") / "vae").eval()


@pytest.fixture(scope="module")
def reward() -> VJEPA2Reward:
    return VJEPA2Reward.load("tiny")


def test_the_weights_are_small_safe_and_described():
    files = [p for p in weights("generator").parent.rglob("*") if p.is_file()]
    pair = [p for p in files if "videomae" not in p.parts]
    assert sum(p.stat().st_size for p in pair) <= 15e6
    rival, judge = (sum(p.stat().st_size for p in files if part in p.parts) for part in ("videomae", "worldmodel"))
    assert 0.9 < rival / judge < 1.1  # what the world model is compared with is no smaller than it, and no larger
    assert sum(p.stat().st_size for p in files) <= 25e6
    assert {p.suffix for p in files} <= {".safetensors", ".json", ".md"}
    for part in ("generator", "worldmodel", "videomae"):
        card = (weights(part) / "README.md").read_text()
        assert "trained" in card.lower() and "held-out" in card


def test_the_classes_are_the_genuine_ones():
    index = json.loads((weights("generator") / "model_index.json").read_text())
    assert index["_class_name"] == "LTXConditionPipeline"
    assert index["transformer"] == ["diffusers", "LTXVideoTransformer3DModel"]
    assert isinstance(VJEPA2Model.from_pretrained(weights("worldmodel")), VJEPA2Model)


def test_the_codec_keeps_what_matters(codec):
    assert codec_training.psnr(codec, n=50) > LIMITS["codec_db"]
    errors = []
    for seed in range(8):
        truth = condition("one_ball", seed)
        with torch.no_grad():
            decoded = codec(to_float(truth.video[None]))[0]
        video = ((decoded.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).numpy()
        errors.append(measure(video, truth)["trajectory_error"])
    assert np.mean(errors) < 0.3


def test_codec_and_latent_scale_belong_together(codec):
    video = clips(5, 0, 16, 17)[0]
    z = codec.encode(video).latent_dist.mode() / codec.latents_std.view(1, -1, 1, 1, 1)
    assert 0.5 < z.square().mean() < 2.0


@pytest.mark.judges("worldmodel")
def test_the_world_model_tells_valid_from_broken_physics(reward):
    found = aurocs(reward, 16, "one_ball")
    assert np.mean(list(found.values())) > 0.9 and min(found.values()) > 0.7
    assert found["vanish"] > 0.9
    assert feature_rank(reward, 16) > LIMITS["feature_rank"]
    assert aurocs(reward, 32, "two_balls", violations=["through_ball"])["through_ball"] > 0.7


@pytest.mark.judges("worldmodel")
def test_random_weights_do_not(reward):
    torch.manual_seed(0)
    network = type(reward.model)(reward.model.config)
    chance = aurocs(VJEPA2Reward(network), 16, "one_ball", violations=("vanish", "gravity_flip", "freeze"))
    assert max(chance.values()) < 0.8


@pytest.mark.judges("videomae")
def test_the_masked_autoencoder_moves_the_balls_and_tells_broken_physics():
    trained = VideoMAEReward.load("tiny", stride=STRIDE)
    torch.manual_seed(0)
    random = VideoMAEReward(type(trained.model)(trained.model.config), stride=STRIDE)
    for scene in SCENES:
        error = rebuilding(trained, 32, scene)
        assert error["videomae"] < 0.4 * min(error["background"], error["last frame held"])
    told = {}
    for name, reward in (("trained", trained), ("random", random)):
        pairs = [scores(reward.reward, v, 16) for v in ("teleport", "vanish", "time_shuffle", "colour_change")]
        told[name] = [auroc(*pair) for pair in pairs]
    assert min(told["trained"]) > 0.8 and np.mean(told["random"]) < 0.6


def test_attention_starts_at_the_same_place_in_earlier_tubelets():
    torch.manual_seed(0)
    model = masked_autoencoder()
    videomae_training.look_back(model)
    token = torch.arange(64, 128)
    for place, layer in (
        (model.videomae.embeddings.position_embeddings[0], model.videomae.encoder.layer[0]),
        (model.position_embeddings[0], model.decoder.decoder_layers[-1]),
    ):
        attention, x = layer.attention.attention, F.layer_norm(place, place.shape[-1:])
        q, k = (f(x).unflatten(-1, (attention.num_attention_heads, -1)) for f in (attention.query, attention.key))
        seen = torch.einsum("ihd,jhd->hij", q, k).argmax(-1)
        for head, found in enumerate(seen[:, 64:]):
            assert (found == token - 16 * (head + 1)).float().mean() > 0.9


@pytest.mark.judges("generator", "worldmodel")
def test_generated_balls_beat_a_frozen_frame_and_the_reward_ranks_them(reward):
    error, frozen, rho = [], [], []
    for prompt, videos in views(8, 6):
        truth = condition(prompt.scene, prompt.scene_seed)
        still = truth.video.copy()
        still[5:] = still[4]
        frozen.append(measure(still, truth)["trajectory_error"])
        errors = truth_of(prompt, videos)["trajectory_error"]
        error.append(errors.mean())
        if prompt.scene == "one_ball":
            rho.append(spearman(np.array([reward.score(v).value for v in videos]), -errors))
    assert np.mean(error) < 0.8 * np.mean(frozen)
    assert np.nanmean(rho) > 0.2


def test_auroc_against_counting():
    assert auroc(np.array([3.0, 2.0]), np.array([1.0, 0.0])) == 1
    assert auroc(np.array([1.0, 3.0]), np.array([2.0, 3.0])) == pytest.approx((0 + 0 + 1 + 0.5) / 4)


def test_training_that_was_stopped_goes_on_as_the_unbroken_run(tmp_path, monkeypatch):
    recipe = Recipe(steps=6, batch=2, lr=1e-3, warmup=2)
    whole = codec_training.train(recipe, tmp_path / "whole", CPU)
    calls = {"n": 0}
    original = codec_training.clips

    def stop_at_four(seed, step, batch, frames):
        calls["n"] += step >= 0
        if calls["n"] == 5:
            raise KeyboardInterrupt
        return original(seed, step, batch, frames)

    monkeypatch.setattr("raysearch.tinyworld.train.loop.SAVE_EVERY", 2)
    monkeypatch.setattr(codec_training, "clips", stop_at_four)
    with pytest.raises(KeyboardInterrupt):
        codec_training.train(recipe, tmp_path / "cut", CPU)
    monkeypatch.setattr(codec_training, "clips", original)
    resumed = codec_training.train(recipe, tmp_path / "cut", CPU)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(ValueError, match=r"another recipe \(lr: 0.001 -> 0.002\)"):
        codec_training.train(Recipe(steps=6, batch=2, lr=2e-3, warmup=2), tmp_path / "cut", CPU)


def test_balls_meet_in_the_clips_chosen_for_it():
    def met(share: float) -> float:
        rng = np.random.default_rng(4)
        scenes = with_meetings(rng, sample(rng, 64, "two_balls"), share, 3, 20)
        apart = simulate(scenes, 20).position - simulate(scenes, 20, "through_ball").position
        first = (np.abs(apart).max((2, 3)) > 0.1).argmax(1)
        return float(((first >= 6) & (first < 19)).mean())

    assert met(0.0) < 0.6
    assert met(1.0) == 1.0


def test_training_data_depends_on_the_step_alone():
    a, b = clips(1, 7, 4, 17), clips(1, 7, 4, 17)
    assert torch.equal(a[0], b[0]) and a[1] == b[1]
    assert not torch.equal(a[0], clips(1, 8, 4, 17)[0])
    assert Path(weights("generator")).is_dir()
