"""What a folder holds is told from its names and headers; what does not fit together is refused."""

import shutil

import pytest

from raysearch.errors import UsageError
from raysearch.generators.magi1.folder import checkpoint, is_magi1
from tests.generators.magi1 import tiny


@pytest.fixture
def copy(folder, tmp_path):
    shutil.copytree(folder.parents[2], tmp_path / "copy")
    return tmp_path / "copy/ckpt/magi" / folder.name


def refused(folder, tokens=None):
    with pytest.raises(UsageError) as error:
        checkpoint(str(folder), tokens)
    (line,) = str(error.value).splitlines()
    return line


def test_the_parts_are_found_from_either_folder(folder):
    for place in (folder, folder / "inference_weight"):
        found = checkpoint(str(place))
        assert found.architecture == tiny.TINY and found.vae_shape == tiny.TINY_VAE
        assert found.distilled is False and not found.quantised and len(found.files) == 2
        assert found.tokens is not None and found.text.name == "t5-v1_1-xxl" and is_magi1(str(place))
    assert not is_magi1(str(found.vae)) and not is_magi1("no/such/folder")


@pytest.mark.parametrize(("name", "sub", "fp8", "distilled"), [
    ("4.5B_distill", "inference_weight.distill", False, True),
    ("4.5B_distill_quant", "inference_weight.fp8.distill", True, True),
    ("4.5B_mine", "inference_weight.distill", False, True),
])  # fmt: skip
def test_the_names_tell_what_is_distilled(tmp_path, name, sub, fp8, distilled):
    deep = tiny.Architecture(3, 64, 8, 4, 8, 96, condition=16, caption=32, captions=60, bands=1)
    found = checkpoint(str(tiny.write(tmp_path, deep, name, sub, fp8=fp8)))
    assert (found.distilled, found.quantised, found.architecture) == (distilled, fp8, deep)


def test_a_name_that_says_nothing_leaves_it_open(copy):
    mine = copy.parent / "mine"
    mine.mkdir()
    for file in (copy / "inference_weight").iterdir():
        file.rename(mine / file.name)
    assert checkpoint(str(mine)).distilled is None


@pytest.mark.parametrize(("name", "sub", "words"), [
    ("base", "inference_weight.distill", "base/inference_weight.distill is called base and distilled"),
    ("distill_quant", "inference_weight.fp8.distill", "the name says weights in fp8, the tensors are otherwise"),
    ("24B_base", "inference_weight", "24B_base holds a network of .* billion parameters"),
])  # fmt: skip
def test_a_mixture_is_refused(copy, name, sub, words):
    (copy / "inference_weight").rename(copy / sub)
    copy.rename(copy.parent / name)
    assert words.split(".*")[0] in refused(copy.parent / name)


def test_weights_that_would_need_a_pickle_are_refused_with_the_command_that_converts_them(tmp_path):
    line = refused(tiny.write(tmp_path, bins=True))
    assert ".bin weights alone" in line and "save_pretrained(d)" in line and "t5-v1_1-xxl" in line


def test_what_is_missing_is_named_with_its_remedy(copy, tmp_path):
    assert "hf download sand-ai/MAGI-1" in refused(tmp_path / "none")
    assert "give one of them" in refused(copy.parents[1])
    (copy / "inference_weight.distill").mkdir()
    assert "inference_weight, inference_weight.distill; give one of them" in refused(copy)
    (copy / "inference_weight.distill").rmdir()
    assert "no such file; give example/assets/special_tokens.npz" in refused(copy, "missing.npz")
    shutil.move(copy.parents[1] / "vae", tmp_path / "vae")
    assert "there is no vae/diffusion_pytorch_model.safetensors" in refused(copy)
    shutil.move(tmp_path / "vae", copy.parents[1] / "vae")
    shutil.rmtree(copy.parents[1] / "t5")
    assert "there is no t5/t5-v1_1-xxl" in refused(copy)


def test_files_that_are_packed_or_cut_short_are_refused(copy):
    network = copy / "inference_weight"
    shard = sorted(network.glob("*.safetensors"))[0]
    data = shard.read_bytes()
    shard.write_bytes(data[:-10])
    assert "is cut short" in refused(copy)
    shard.rename(shard.with_suffix(".safetensors.zst"))
    assert "is compressed; run: zstd -d --rm" in refused(copy)
