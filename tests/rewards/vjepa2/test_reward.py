"""WMReward on a small genuine VJEPA2Model: no leak, the published formula, batching, gradients, errors."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import VJEPA2Model

from benchmarks.reward import Published, prepared
from examples.candidates import views
from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.report.statistics import spearman
from raysearch.rewards.vjepa2.convention import PRESETS
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from tests.rewards.vjepa2.small import WIDTH, network

T = 20


@pytest.fixture(scope="module")
def model() -> VJEPA2Model:
    torch.set_num_threads(1)
    return network()


@pytest.fixture(scope="module")
def video() -> torch.Tensor:
    return torch.rand(3, T, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_the_future_does_not_leak_into_the_prediction(model, video):
    reward = VJEPA2Reward(model, window=16, context=8, stride=1)
    clip = reward._prepare(video)[:, :16]
    other = clip.clone()
    other[:, 8:] += torch.randn(other[:, 8:].shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        a, b = (reward._predict(c[:, :8], 64, 128) for c in (clip, other))
        leaking = [model(pixel_values_videos=c, context_mask=[torch.arange(64).expand(3, -1)],
                         target_mask=[torch.arange(64, 128).expand(3, -1)]).predictor_output.last_hidden_state
                   for c in (clip, other)]  # fmt: skip
    assert (a - b).abs().max() == 0
    assert (leaking[0] - leaking[1]).abs().max() > 1e-3  # transformers' own masks do leak: why we encode twice


@pytest.mark.parametrize("cosine, axis", [("tokens", 0), ("features", 1)])
def test_the_published_formula_window_by_window(model, video, cosine, axis):
    """Restated for one window at a time: z = LN(P(E(context))), h = LN(E(window))[future], 1 - cos."""
    reward = VJEPA2Reward(model, window=16, context=8, stride=2, cosine=cosine)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    want = torch.empty(3, 3)
    with torch.no_grad():
        for b in range(3):
            for k, start in enumerate((0, 2, 4)):
                clip = ((video[b, start : start + 16] - mean.view(3, 1, 1)) / std.view(3, 1, 1))[None]
                h = F.layer_norm(model.encoder(clip).last_hidden_state, (WIDTH,))[0, 64:]
                context = model.encoder(clip[:, :8]).last_hidden_state
                ids = torch.arange(128)[None]
                z = F.layer_norm(model.predictor(context, [ids[:, :64]], [ids[:, 64:]]).last_hidden_state, (WIDTH,))[0]
                dot, norms = (z * h).sum(axis), z.norm(dim=axis) * h.norm(dim=axis)
                want[b, k] = 1 - (dot / norms).mean()
        got = reward.surprise(video)
        assert torch.allclose(got, want, atol=1e-5)
        assert torch.allclose(reward.reward(video), 1 - want.mean(1), atol=1e-5)
        highest = VJEPA2Reward(model, stride=2, cosine=cosine, reduce="max")
        assert torch.allclose(highest.reward(video), 1 - want.amax(1), atol=1e-5)


def test_the_worst_tokens_alone(model, video):
    with torch.no_grad():
        means = [VJEPA2Reward(model, cosine="features", worst=w, stride=4).surprise(video) for w in (1.0, 0.5, 0.1)]
        reward = VJEPA2Reward(model, cosine="features", worst=0.1, stride=16)
        clip = reward._prepare(video)[:, :16]
        h = F.layer_norm(model.encoder(clip).last_hidden_state, (WIDTH,))[:, 64:]
        z = F.layer_norm(reward._predict(clip[:, :8], 64, 128), (WIDTH,))
    assert (means[0] < means[1]).all() and (means[1] < means[2]).all()
    lowest = F.cosine_similarity(z, h, dim=2).sort(1).values[:, :6].mean(1)  # a tenth of 64 tokens
    assert torch.allclose(1 - reward.surprise(video)[:, 0], lowest, atol=1e-5)


def test_several_contexts_are_averaged(model, video):
    with torch.no_grad():
        single = [VJEPA2Reward(model, context=c, stride=1).surprise(video) for c in (6, 8, 10)]
        together = VJEPA2Reward(model, context=(6, 8, 10), stride=1).surprise(video)
    assert torch.allclose(together, sum(single) / 3, atol=1e-6)


def test_batched_equals_one_by_one(model, video):
    reward = VJEPA2Reward(model, stride=1)
    with torch.no_grad():
        batched = reward.reward(video)
        single = torch.cat([reward.reward(v[None]) for v in video])
    assert torch.allclose(batched, single, atol=1e-5)


def test_score_of_a_view_is_the_reward_of_its_pixels(model, video):
    reward = VJEPA2Reward(model, stride=4)
    view = (video[0] * 255).round().to(torch.uint8)
    scores = reward.score(view.permute(0, 2, 3, 1).numpy())
    with torch.no_grad():
        assert scores.value == pytest.approx(reward.reward(view[None].float() / 255).item(), abs=1e-6)
    assert list(scores.details) == ["surprise_0", "surprise_1"]
    assert scores.value == pytest.approx(1 - np.mean(list(scores.details.values())), abs=1e-6)


@pytest.mark.parametrize("options", [{"cosine": "tokens"}, {"cosine": "features", "worst": 0.3}, {"distance": "l1"}])
def test_gradient_reaches_pixels_and_matches_finite_differences(model, options):
    """In fp64, through resize and normalisation, over two windows that overlap; every direction of five."""
    double = network().double()
    double.load_state_dict(model.state_dict())
    double.set_attn_implementation("sdpa")  # transformers' own takes its softmax in fp32
    reward = VJEPA2Reward(double, window=8, context=4, stride=4, **options)
    draw = torch.Generator().manual_seed(3)
    x = torch.rand(1, 12, 3, 40, 36, generator=draw, dtype=torch.float64).requires_grad_(True)
    (gradient,) = torch.autograd.grad(reward.reward(x).sum(), x)
    given, future = gradient[:, :4], gradient[:, 8:]
    assert given.abs().max() > 1e-6 and future.abs().max() > 1e-6
    for _ in range(5):
        direction = torch.randn(x.shape, dtype=torch.float64, generator=draw)
        h = 1e-5
        with torch.no_grad():
            numeric = (reward.reward(x + h * direction) - reward.reward(x - h * direction)) / (2 * h)
        assert (gradient * direction).sum().item() == pytest.approx(numeric.item(), rel=1e-4, abs=1e-9)


def test_a_window_is_scored_as_if_it_were_a_video_of_its_own(model):
    """It starts at position 0 wherever it lies; V-JEPA's rotary positions would tell the difference."""
    reward = VJEPA2Reward(model, stride=2)
    view = np.random.default_rng(4).integers(0, 255, (T, 32, 32, 3), dtype=np.uint8)
    windows = list(reward.score(view).details.values())
    alone = [VJEPA2Reward(model).score(view[s : s + 16]).details["surprise_0"] for s in (0, 2, 4)]
    assert windows == alone


@pytest.mark.parametrize("size", [{}, {"frames_per_clip": 64, "pred_num_mask_tokens": 10}])
def test_the_published_way_gives_the_same(size):
    """Whole-clip context with masked tokens, a copied encoder, one window at a time: see benchmarks.reward."""
    model = network(**size)
    view = np.random.default_rng(6).integers(0, 255, (32, 32, 32, 3), dtype=np.uint8)
    want = Published(model).surprise(prepared(view, "cpu"))
    got = VJEPA2Reward(model).score(view)
    assert list(got.details.values()) == pytest.approx(want, abs=2e-6) and len(want) == 3
    assert got.value == pytest.approx(1 - np.mean(want), abs=2e-6)


def test_l1_is_the_loss_of_training(model, video):
    """Restated from facebookresearch/vjepa2: the guess as it is, the target layer-normed, mean absolute difference."""
    reward = VJEPA2Reward(model, distance="l1")
    with torch.no_grad():
        clip = reward._prepare(video)[:, :16]
        h = F.layer_norm(model.encoder(clip).last_hidden_state, (WIDTH,))[:, 64:]
        want = (reward._predict(clip[:, :8], 64, 128) - h).abs().mean((1, 2))
        assert torch.allclose(reward.surprise(video)[:, 0], want, atol=1e-6)


@pytest.mark.slow
def test_bf16_ranks_real_candidates_as_fp32_does():
    """Of the shipped pair: candidates of held-out scenes, as best-of-n draws them."""
    exact, half = VJEPA2Reward.load("tiny"), VJEPA2Reward.load("tiny", dtype="bfloat16")
    for _, videos in views(2, 6):
        a, b = (np.array([s.value for s in r.score_all(list(videos))]) for r in (exact, half))
        assert spearman(a, b) > 0.95
        assert np.abs(a - b).max() < 0.02 < np.ptp(a)


def test_frames_are_chosen_before_windows_are_cut(model):
    view = np.random.default_rng(7).integers(0, 255, (48, 32, 32, 3), dtype=np.uint8)
    slow = VJEPA2Reward(model, frames={"fps": 8})
    assert slow.score(view, fps=24.0) == VJEPA2Reward(model).score(view[::3])
    assert slow.score(view, fps=16.0) == VJEPA2Reward(model).score(view[::2])
    few = VJEPA2Reward(model, frames={"at_most": 16})
    picked = np.linspace(0, 47, 16).astype(int)
    assert few.score(view) == VJEPA2Reward(model).score(view[picked])
    floats = torch.from_numpy(view).permute(0, 3, 1, 2)[None].float() / 255
    assert few.reward(floats).item() == pytest.approx(few.score(view).value, abs=1e-6)


def test_what_a_window_is_remembered_by(model):
    """Its pixels, and the number of windows that share its batch: what the bits of its result may depend on."""
    view = np.random.default_rng(10).integers(0, 255, (19, 32, 32, 3), dtype=np.uint8)
    reward, judged = VJEPA2Reward(model, stride=1, batch=2), []
    reward.model.encoder.register_forward_pre_hook(lambda m, args: judged.append(args[0].shape[:2]))
    keys = [reward._cut(view[:count], None)[1] for count in (16, 17, 18, 19)]
    assert [len(k) for k in keys] == [1, 2, 3, 4]
    assert keys[0][0] != keys[1][0]  # alone, and one of two
    assert keys[1] == keys[2][:2] == keys[3][:2]  # two at a time in each
    alone = reward.score(view[:17])
    reward.score_all([view[:17], view, view])
    windows = sum(n for n, frames in judged if frames == 16)
    assert windows == 2 + 2 and reward.remembered.hits == 3 * 2  # the first two windows of each are known
    assert reward.score(view[:17]) == alone and sum(n for n, frames in judged if frames == 16) == windows


def test_batches_fill_the_device():
    """At most 16 windows, as many as 256 tokens hold, and at least one."""
    small = network()
    sizes = {w: VJEPA2Reward(small, window=w, context=2, stride=w).loaded["batch"] for w in (4, 8, 16)}
    assert sizes == {4: 8, 8: 4, 16: 2} and VJEPA2Reward(small, window=64, context=2).loaded["batch"] == 1


def test_floats_and_bytes_of_the_same_pixels_give_the_same(model):
    view = np.random.default_rng(11).integers(0, 255, (16, 32, 32, 3), dtype=np.uint8)
    reward = VJEPA2Reward(model)
    assert reward.score(view.astype(np.float32) / 255).value == pytest.approx(reward.score(view).value, abs=1e-6)


def test_a_larger_frame_is_smoothed_before_it_is_reduced(model):
    """Stripes of two columns are grey at a quarter of the size, although the middle two of each four are black."""
    stripes = np.tile(np.array([255, 0, 0, 255], np.uint8), 32)
    view = np.broadcast_to(stripes[None, None, :, None], (16, 128, 128, 3))
    grey = np.full((16, 32, 32, 3), 0.5, np.float32)
    one, other = (VJEPA2Reward(model)._prepared(v)[:, :, 4:-4, 4:-4] for v in (view, grey))
    assert torch.allclose(one, other, atol=0.02)


def test_crop_keeps_the_centre_and_squash_all_of_it(model):
    view = np.random.default_rng(8).integers(0, 255, (16, 32, 64, 3), dtype=np.uint8)
    cropped = VJEPA2Reward(model, resize="crop")
    assert cropped.size is None and VJEPA2Reward(model).size == 32
    assert cropped.score(view) == VJEPA2Reward(model).score(np.ascontiguousarray(view[:, :, 16:48]))
    assert cropped.score(view).value != VJEPA2Reward(model).score(view).value


@pytest.mark.parametrize(
    "view, told",
    [
        (np.full((16, 32, 32, 3), np.nan, np.float32), "NaN or infinite"),
        (np.zeros((16, 32, 32), np.uint8), r"shape \(16, 32, 32\): expected"),
        (np.zeros((16, 32, 32, 4), np.uint8), "expected"),
        (np.zeros((16, 0, 32, 3), np.uint8), "expected"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_views_that_are_none(model, view, told):
    with pytest.raises(UsageError, match=told):
        VJEPA2Reward(model).score(view)


def test_what_is_no_vjepa2_says_so(tmp_path, model):
    with pytest.raises(UsageError, match=r"V-JEPA 2\.1 is not in transformers"):
        VJEPA2Reward.load("vjepa2_1_vit_large_384")
    for kind, told in (("vjepa2_1", "V-JEPA 2.1 is not in"), ("videomae", "model_type is 'videomae', not 'vjepa2'")):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
        with pytest.raises(UsageError, match=told):
            VJEPA2Reward.load(str(tmp_path))
    with pytest.raises(UsageError, match="no such folder"):
        VJEPA2Reward.load("/no/such/folder")


@pytest.mark.slow
def test_compiled_is_the_same_up_to_rounding(model):
    view = np.random.default_rng(9).integers(0, 255, (16, 32, 32, 3), dtype=np.uint8)
    compiled = VJEPA2Reward(model, compile=True)
    assert compiled.score(view).value == pytest.approx(VJEPA2Reward(model).score(view).value, abs=1e-5)
    assert compiled._encoder is not compiled.model.encoder


def test_any_size_is_squashed_to_the_models_square(model):
    reward = VJEPA2Reward(model)
    view = np.random.default_rng(0).integers(0, 255, (16, 48, 80, 3), dtype=np.uint8)
    assert np.isfinite(reward.score(view).value)


@pytest.mark.parametrize(
    "options, told",
    [
        ({"context": 7}, "reward.context=7"), ({"context": 16}, "shorter than reward.window=16"),
        ({"window": 15}, "reward.window=15"), ({"stride": 0}, "reward.stride=0"),
        ({"worst": 0.0}, "reward.worst=0"), ({"worst": 0.5}, "needs reward.cosine=features"),
        ({"cosine": "token"}, "cosine"), ({"reduce": "sum"}, "reduce"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(model, options, told):
    with pytest.raises(UsageError, match=told):
        VJEPA2Reward(model, **options)


def test_a_short_video_says_so(model):
    with pytest.raises(UsageError, match=r"12 frames, fewer than reward\.window=16"):
        VJEPA2Reward(model).score(np.zeros((12, 32, 32, 3), np.uint8))


def test_presets_and_names(tmp_path, model):
    assert PRESETS["wmreward"] == {"window": 16, "context": 8, "stride": 8, "distance": "cosine", "cosine": "tokens",
                                   "worst": 1.0, "reduce": "mean", "resize": "squash"}  # fmt: skip
    model.save_pretrained(tmp_path)
    reward = rewards.load({"name": "vjepa2", "model": str(tmp_path), "stride": 4})
    found = reward.convention
    assert (found.stride, found.contexts, found.cosine) == (4, (8,), "tokens")
    with pytest.raises(UsageError, match="did you mean 'vjepa2'"):
        rewards.load({"name": "vjepa"})
    with pytest.raises(UsageError, match="preset"):
        rewards.load({"name": "vjepa2", "model": str(tmp_path), "preset": "tini"})
