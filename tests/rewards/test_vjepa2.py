"""WMReward on a small genuine VJEPA2Model: no leak, the published formula, batching, gradients, errors."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import VJEPA2Model

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.rewards.vjepa2 import PRESETS, VJEPA2Reward
from raysearch.tinyworld.models import world_model

T = 20


@pytest.fixture(scope="module")
def model() -> VJEPA2Model:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return world_model().eval()


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
                h = F.layer_norm(model.encoder(clip).last_hidden_state, (128,))[0, 64:]
                context = model.encoder(clip[:, :8]).last_hidden_state
                ids = torch.arange(128)[None]
                z = F.layer_norm(model.predictor(context, [ids[:, :64]], [ids[:, 64:]]).last_hidden_state, (128,))[0]
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
        h = F.layer_norm(model.encoder(clip).last_hidden_state, (128,))[:, 64:]
        z = F.layer_norm(reward._predict(clip[:, :8], 64, 128), (128,))
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


def test_gradient_reaches_pixels_and_matches_finite_differences(model, video):
    double = world_model().double()
    double.load_state_dict(model.state_dict())
    reward = VJEPA2Reward(double, window=16, stride=16)
    x = video[:1, :16].double().requires_grad_(True)
    (gradient,) = torch.autograd.grad(reward.reward(x).sum(), x)
    assert gradient[:, :8].abs().max() > 1e-5 and gradient[:, 8:].abs().max() > 1e-5  # context and future
    direction = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    h = 2e-4  # transformers' attention takes its softmax in fp32: smaller steps drown in it
    with torch.no_grad():
        numeric = (reward.reward(x + h * direction) - reward.reward(x - h * direction)) / (2 * h)
    assert (gradient * direction).sum().item() == pytest.approx(numeric.item(), rel=0.01)


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
