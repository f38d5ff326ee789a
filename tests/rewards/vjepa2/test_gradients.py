"""Gradients of long videos: the same, in the memory of one window."""

import pytest
import torch
from torch.nn import functional as F

from examples.live_bytes import LiveBytes
from raysearch.rewards.base import context_flows, predictions_flow
from raysearch.rewards.vjepa2.gradients import eager
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.sampling.workers import RewardWorker


def test_eager_gives_values_and_gradients_of_the_ordinary_way():
    x = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)

    def judge(clips):
        return clips.sin().flatten(1).prod(1) + clips.square().sum((1, 2))

    values = eager(judge, x)
    (found,) = torch.autograd.grad((values * weight).sum(), x)
    (wanted,) = torch.autograd.grad((judge(x) * weight).sum(), x)
    assert (values == judge(x)).all() and torch.allclose(found, wanted, rtol=1e-12)
    assert torch.autograd.gradcheck(lambda y: eager(judge, y), x)


def test_without_a_gradient_to_find_nothing_is_differentiated():
    asked = []

    def judge(clips):
        asked.append(torch.is_grad_enabled())
        return clips.sum(1)

    x = torch.randn(2, 3, requires_grad=True)
    with torch.no_grad():
        assert not eager(judge, x).requires_grad
    assert not eager(judge, x.detach()).requires_grad and eager(judge, x).requires_grad
    assert asked == [False, True, True]


def test_a_second_gradient_is_refused():
    x = torch.randn(2, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(eager(lambda c: c.square().sum(1), x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        slope.sum().backward()


@pytest.mark.parametrize("batch", [1, 2])
def test_a_long_video_takes_the_memory_of_one_batch(batch):
    reward = VJEPA2Reward.load("tiny", preset="wmreward", batch=batch)

    def taken(frames):
        with LiveBytes() as live:
            video = torch.rand(1, frames, 3, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
            before = live.peak = live.now
            (slope,) = torch.autograd.grad(reward.reward(video).sum(), video)
            assert slope.abs().sum() > 0
        return live.peak - before

    taken(16)  # weights are counted where they are first used
    assert taken(16 + 8 * 5) < 1.5 * taken(16 + 8 * (batch - 1))


def test_live_bytes_counts_what_is_alive_and_no_views():
    with LiveBytes() as live:
        a = torch.zeros(1000)
        b = a.view(10, 100)[2:]
        assert live.now == live.peak == 4000
        c = b + 1
        assert live.now == 4000 + 3200
        del a, b
        assert live.now == 3200 and live.peak == 7200
        c.add_(1)
        assert live.now == 3200 and live.peak == 7200


def test_without_the_context_the_gradient_is_that_of_the_published_code():
    """Restated for one window: the prediction under no_grad, the encoder of the whole window with its gradient."""
    reward = VJEPA2Reward.load("tiny", preset="wmreward")
    video = torch.rand(1, 16, 3, 32, 32, generator=torch.Generator().manual_seed(1)).requires_grad_(True)
    model, tokens = reward.model, reward._tokens
    clip = reward._prepare(video)
    ids, width = torch.arange(tokens)[None], model.config.hidden_size
    with torch.no_grad():
        context = model.encoder(clip[:, :8]).last_hidden_state
        z = model.predictor(context, [ids[:, : tokens // 2]], [ids[:, tokens // 2 :]]).last_hidden_state
    h = model.encoder(clip).last_hidden_state[:, tokens // 2 :]
    z, h = F.layer_norm(z, (width,)), F.layer_norm(h, (width,))
    (published,) = torch.autograd.grad(F.cosine_similarity(z, h, dim=1).mean(), video)
    with context_flows(False):
        assert not predictions_flow()
        (stopped,) = torch.autograd.grad(reward.reward(video).sum(), video)
    (whole,) = torch.autograd.grad(reward.reward(video).sum(), video)
    assert predictions_flow()
    assert (stopped - published).norm() < 1e-4 * published.norm()
    assert F.cosine_similarity(whole.flatten(), stopped.flatten(), dim=0) < 0.9  # another direction, so a setting


def test_a_guide_that_stops_at_the_context_gets_the_other_gradient():
    worker = RewardWorker([{"name": "vjepa2"}], 1)
    view = torch.rand(17, 3, 32, 32, generator=torch.Generator().manual_seed(2)).numpy()
    (value, whole), (same, stopped) = worker.gradient(view), worker.gradient(view, False)
    assert value == same and (whole != stopped).any()
