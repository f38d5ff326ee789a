"""A twin with random weights: other scores of the same network, the same each time; rewards without a network."""

import torch
from transformers import VideoMAEConfig, VideoMAEForPreTraining

from raysearch import rewards
from raysearch.rewards.fuse import Fuse, Weighted
from raysearch.rewards.networks.untrained import randomised
from raysearch.rewards.videomae.reward import VideoMAEReward


def small() -> VideoMAEReward:
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 32,
             "decoder_hidden_size": 8, "decoder_num_attention_heads": 2, "decoder_num_hidden_layers": 1,
             "decoder_intermediate_size": 16, "image_size": 16, "patch_size": 8, "num_frames": 8}  # fmt: skip
    torch.manual_seed(7)
    model = VideoMAEForPreTraining(VideoMAEConfig(**sizes))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return VideoMAEReward(model)


def test_weights_are_fresh_and_the_same_each_time():
    video = torch.rand(1, 8, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    first, second, trained = small(), small(), small()
    state = torch.random.get_rng_state()
    assert randomised(first) and randomised(second)
    assert torch.equal(torch.random.get_rng_state(), state)  # the program's own random numbers go on as before
    with torch.no_grad():
        assert first.reward(video) == second.reward(video) != trained.reward(video)
    assert randomised(second, seed=1) and first.reward(video) != second.reward(video)


def test_parts_of_a_fuse_and_rewards_without_a_network():
    inner = small()
    before = inner.model.state_dict()["decoder.head.weight"].clone()
    assert randomised(Fuse([Weighted("a", inner), Weighted("b", rewards.load({"name": "motion"}))]))
    assert not torch.equal(inner.model.state_dict()["decoder.head.weight"], before)
    assert not randomised(rewards.load({"name": "motion"})) and not randomised(rewards.load({"name": "geometry"}))
