"""The tiny video decoder: the published layout, frames by what came before, and files that are something else."""

import pytest
import torch
from safetensors.torch import save_file

from raysearch.errors import UsageError
from raysearch.generators import tiny_decoder
from raysearch.generators.tiny_decoder import AT_ONCE, Layout, TinyDecoder
from raysearch.pretrained import single

KEY = "generator.preview.decoder"
SMALL = Layout(6, (8, 4, 4, 4), (1, 1, 2))


def decoder(layout=SMALL):
    torch.manual_seed(0)
    return TinyDecoder(layout).eval()


def latents(frames, layout=SMALL):
    return torch.randn(frames, layout.channels, 2, 3, generator=torch.Generator().manual_seed(1))


def test_names_and_shapes_are_those_of_the_published_files():
    """As in madebyollin/taehv for Wan 2.1: 256, 128, 64, 64 channels; time doubles in the second and third stage."""
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in TinyDecoder(Layout(16, (256, 128, 64, 64))).state_dict().items()}
    published = {
        "decoder.1.weight": (256, 16, 3, 3), "decoder.3.conv.0.weight": (256, 512, 3, 3),
        "decoder.5.conv.4.bias": (256,), "decoder.7.conv.weight": (256, 256, 1, 1),
        "decoder.8.weight": (128, 256, 3, 3),
        "decoder.13.conv.weight": (256, 128, 1, 1), "decoder.14.weight": (64, 128, 3, 3),
        "decoder.19.conv.weight": (128, 64, 1, 1), "decoder.20.weight": (64, 64, 3, 3),
        "decoder.22.weight": (3, 64, 3, 3), "decoder.22.bias": (3,),
    }  # fmt: skip
    assert {name: shapes.get(name) for name in published} == published and len(shapes) == 64
    assert not {"decoder.8.bias", "decoder.7.conv.bias"} & set(shapes)


@pytest.mark.parametrize("grows, frames", [((1, 1, 2), 9), ((1, 2, 2), 17), ((2, 2, 2), 33), ((1, 3, 2), 25)])
def test_frames_are_those_of_the_autoencoder(grows, frames):
    with torch.no_grad():
        video = decoder(Layout(6, (8, 4, 4, 4), grows, 2))(latents(5))
    assert video.shape == (frames, 3, 32, 48) and 0 <= video.min() < video.max() <= 1


def test_a_frame_depends_on_earlier_ones_alone_however_many_are_decoded_together():
    one, z = decoder(), latents(2 * AT_ONCE + 1)
    with torch.no_grad():
        whole, later = one(z), one(torch.cat([z[: AT_ONCE + 1], z[AT_ONCE + 1 :] + 1]))
        each = torch.cat([one._frames(frame[None], memory) for memory in [{}] for frame in z])[1:]
    same = 1 + 2 * AT_ONCE
    assert torch.allclose(whole, each, atol=1e-6)
    assert torch.equal(whole[:same], later[:same]) and not torch.allclose(whole[same:], later[same:])
    with torch.no_grad():
        other = one(torch.cat([z[:1] + 1, z[1:]]))
    assert not torch.allclose(whole[2:4], other[2:4])  # and on those before it: there is a memory


def test_a_file_is_read_by_its_shapes_and_an_encoder_beside_it_left_out(tmp_path):
    one = decoder(Layout(5, (8, 6, 4, 2), (1, 2, 2), 2))
    save_file({**one.state_dict(), "encoder.0.weight": torch.ones(2)}, tmp_path / "tiny.safetensors")
    loaded = tiny_decoder.load(tmp_path / "tiny.safetensors", KEY)
    assert loaded.layout == one.layout and not any(p.requires_grad for p in loaded.parameters())
    with torch.no_grad():
        assert torch.equal(loaded(latents(3, one.layout)), one(latents(3, one.layout)))
    tiny_decoder.save(one, tmp_path / "again.safetensors", {"trained": "yes"})
    assert tiny_decoder.load(tmp_path / "again.safetensors", KEY).layout == one.layout


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: {"lora_A.weight": torch.ones(2, 2)}, "no tensor decoder"),
        (lambda t: {k: v for k, v in t.items() if k != "decoder.4.conv.2.bias"}, r"decoder\.4\.conv\.2\.bias"),
        (lambda t: {**t, "decoder.23.weight": torch.ones(1)}, r"unknown.*decoder\.23\.weight"),
        (lambda t: {k: v for k, v in t.items() if not k.startswith("decoder.22")}, "not the layout"),
        (lambda t: {**t, "decoder.3.conv.0.weight": torch.ones(8, 8, 3, 3)}, r"decoder\.3\.conv\.0\.weight"),
    ],
    ids=["another kind", "missing", "unknown", "cut", "shape"],
)  # fmt: skip
def test_another_file_is_refused_by_its_header(change, message, tmp_path):
    save_file(change(dict(decoder().state_dict())), tmp_path / "t.safetensors")
    with pytest.raises(UsageError, match=message) as refused:
        tiny_decoder.layout(single.shapes(tmp_path / "t.safetensors"), "t.safetensors", KEY)
    assert str(refused.value).startswith(f"{KEY}='t.safetensors': ") and "\n" not in str(refused.value)
