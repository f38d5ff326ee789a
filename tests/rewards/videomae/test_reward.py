"""VideoMAE surprise on a small genuine VideoMAEForPreTraining: the network's own loss, no leak, windows, gradients."""

import numpy as np
import pytest
import torch
from transformers import VideoMAEConfig, VideoMAEForPreTraining

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.rewards.networks import pixels
from raysearch.rewards.videomae.reward import VideoMAEReward
from raysearch.runs import fingerprints


def network(norm_pix: bool = True, **more) -> VideoMAEForPreTraining:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 32,
             "decoder_hidden_size": 8, "decoder_num_attention_heads": 2, "decoder_num_hidden_layers": 1,
             "decoder_intermediate_size": 16}  # fmt: skip
    frames = {"image_size": 16, "patch_size": 8, "num_frames": 8, "tubelet_size": 2, "norm_pix_loss": norm_pix}
    model = VideoMAEForPreTraining(VideoMAEConfig(**sizes | frames | more)).eval()
    for parameter in model.parameters():  # at the default scale the given frames hardly matter
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture(scope="module")
def video() -> torch.Tensor:
    return torch.rand(2, 13, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("norm_pix", [True, False])
def test_surprise_is_the_networks_own_loss_with_the_future_masked(video, norm_pix):
    model = network(norm_pix)
    reward = VideoMAEReward(model, stride=5)
    future = (torch.arange(16) >= 8)[None]  # 4 tubelets of 4 patches; the last two tubelets
    with torch.no_grad():
        got = reward.surprise(video)
        for b in range(2):
            for k, start in enumerate((0, 5)):
                clip = pixels.normalised(video[b : b + 1, start : start + 8])
                assert got[b, k].item() == pytest.approx(model(clip, bool_masked_pos=future).loss.item(), rel=1e-4)
        assert torch.allclose(reward.reward(video), 1 - got.mean(1))
        assert torch.allclose(VideoMAEReward(model, stride=5, reduce="max").reward(video), 1 - got.amax(1))
        assert torch.allclose(torch.cat([reward.reward(v[None]) for v in video]), reward.reward(video), atol=1e-6)


def test_the_other_unit_lends_the_true_patch(video):
    """Restated by patch: a network of normalised patches judged in pixels, and the other way round."""
    future = (torch.arange(16) >= 8)[None]
    clip = video[:1, :8]
    for trained in (True, False):
        model = network(trained)
        with torch.no_grad():
            guess = model(pixels.normalised(clip), bool_masked_pos=future).logits[0].view(8, 2, 8, 8, 3)
            errors = []
            for k in range(8):
                t, y, x = 2 + k // 4, k % 4 // 2, k % 2
                patch = clip[0, 2 * t : 2 * t + 2, :, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8].permute(0, 2, 3, 1)
                mean, std = patch.mean((0, 1, 2)), patch.reshape(-1, 3).std(0) + 1e-6
                if trained:
                    errors.append((guess[k] * std + mean - patch).square().mean())
                else:
                    errors.append(((guess[k] - patch) / std).square().mean())
            got = VideoMAEReward(model, stride=8, norm_pix=not trained).surprise(clip)
        assert got.item() == pytest.approx(torch.stack(errors).mean().item(), rel=1e-4)


def test_the_future_does_not_leak_into_the_guess(video):
    model = network()
    reward, other = VideoMAEReward(model), video[:, :8].clone()
    other[:, 4:] = torch.rand(other[:, 4:].shape, generator=torch.Generator().manual_seed(2))
    hidden = reward._hidden(video.device, 4).expand(2, -1)
    with torch.no_grad():
        guesses = [model(pixels.normalised(v), bool_masked_pos=hidden).logits for v in (video[:, :8], other)]
    assert torch.equal(*guesses)


def test_gradient_reaches_all_pixels_and_matches_finite_differences(video):
    for norm_pix in (True, False):
        reward = VideoMAEReward(network().double(), stride=8, norm_pix=norm_pix)
        x = video[:1, :8].double().requires_grad_(True)
        (gradient,) = torch.autograd.grad(reward.reward(x).sum(), x)
        assert (gradient.abs().amax((0, 2, 3, 4)) > 1e-6).all()  # the given frames and the hidden ones
        for part in (slice(0, 4), slice(4, 8)):
            direction = torch.zeros_like(x)
            direction[:, part].normal_(generator=torch.Generator().manual_seed(3))
            h = 1e-5
            with torch.no_grad():
                numeric = (reward.reward(x + h * direction) - reward.reward(x - h * direction)) / (2 * h)
            assert (gradient * direction).sum().item() == pytest.approx(numeric.item(), rel=1e-3)


def test_from_a_folder_with_views_of_any_size(tmp_path, video):
    network().save_pretrained(tmp_path)
    reward = rewards.load({"name": "videomae", "model": str(tmp_path), "stride": 2})
    assert (reward.size, reward.norm_pix, reward.window) == (16, True, 8)
    view = np.random.default_rng(0).integers(0, 255, (12, 24, 40, 3), dtype=np.uint8)
    scores = reward.score(view)
    assert len(scores.details) == 3
    assert scores.value == pytest.approx(1 - np.mean(list(scores.details.values())), abs=1e-6)
    low = rewards.load({"name": "videomae", "model": str(tmp_path), "stride": 2, "dtype": "bfloat16"})
    assert low.score(view).value == pytest.approx(scores.value, abs=0.05)


@pytest.mark.parametrize(
    "options, told",
    [({"context": 3}, "context=3"), ({"context": 8}, "context=8")],
)  # fmt: skip
def test_settings_that_make_no_sense(options, told):
    with pytest.raises(UsageError, match=told):
        VideoMAEReward(network(), **options)


def test_checkpoints_that_cannot_be_loaded(tmp_path):
    for spec, told in (
        ({"model": str(tmp_path / "none")}, "no such folder"),
        ({"model": str(tmp_path)}, "cannot be loaded by VideoMAEForPreTraining"),
        ({"dtype": "float8"}, "dtype: 'float8' is unknown; did you mean"),
    ):
        with pytest.raises(UsageError, match=told) as error:
            rewards.load({"name": "videomae", **spec})
        assert "\n" not in str(error.value)
    with pytest.raises(UsageError, match="not square"):
        VideoMAEReward(network(image_size=(16, 32)))


def test_weights_within_a_fuse_are_part_of_the_fingerprint(tmp_path):
    spec = {"name": "fuse", "parts": [{"name": "motion"}, {"name": "videomae", "model": str(tmp_path)}]}
    network().save_pretrained(tmp_path)
    first = fingerprints.rewards_fingerprint([spec])
    assert fingerprints.rewards_fingerprint([spec]) == first
    network(norm_pix=False).save_pretrained(tmp_path)
    fingerprints._folder.cache_clear()
    assert fingerprints.rewards_fingerprint([spec]) != first


def test_l1_and_several_contexts(video):
    judges = {c: VideoMAEReward(network(False), context=c) for c in (2, 4)}
    each = torch.stack([j.surprise(video) for j in judges.values()])
    assert torch.allclose(VideoMAEReward(network(False), context=[2, 4]).surprise(video), each.mean(0))
    assert torch.allclose(VideoMAEReward(network(False), context=[2, 4], contexts="min").surprise(video), each.amin(0))
    judge, hidden = judges[4], judges[4]._hidden(video.device, 4)
    clip = video[:1, : judge.window]
    guess = judge.model(pixels.normalised(clip), bool_masked_pos=hidden[None]).logits
    target = judge._patches(clip)[:, hidden]
    mean_error = (guess.view_as(target) - target).abs().mean().item()
    absolute = VideoMAEReward(network(False), distance="l1")
    assert absolute.surprise(video[:1, : judge.window])[0, 0].item() == pytest.approx(mean_error, rel=1e-4)


def test_windows_last_as_long_at_any_rate():
    slow = np.random.default_rng(0).integers(0, 255, (9, 16, 16, 3), dtype=np.uint8)
    judge = VideoMAEReward(network(), frames={"span": 1})  # 8 frames in a second
    found = [judge.score(np.repeat(slow, k, 0), None, 8.0 * k).value for k in (1, 2, 3)]
    assert found[0] == found[1] == found[2]
    with pytest.raises(UsageError, match=r"frames=\{span: 1\}: the video has only 6 frames per second"):
        judge.score(slow, None, 6.0)
