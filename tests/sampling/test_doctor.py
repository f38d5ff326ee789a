"""`raysearch doctor`: what it finds on models that are well, and what it says of those that are not."""

import json
import shutil

import pytest
import torch

from examples.clockwork import Clockwork
from raysearch.cli import main
from raysearch.moves import KERNELS
from raysearch.search import STRATEGIES
from tests.zoo import others, wan

SMALL = ["height=16", "width=16", "call.max_sequence_length=16"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")
    for name, build in (("chunks", wan.skyreels), ("image", lambda: others.cog("ImageToVideo"))):
        build().save_pretrained(folder / name)
    return folder


def told(capsys, *words) -> tuple[int, str, str]:
    code = main(["doctor", *map(str, words)])
    out = capsys.readouterr()
    return code, out.out, out.err


def found(capsys, *words) -> tuple[int, dict]:
    code, out, _ = told(capsys, *words, "--json")
    return code, json.loads(out)


def test_the_shipped_model_is_well(capsys):
    code, report = found(capsys, "tiny")
    assert code == 0 and report["failures"] == {} and report["bitwise"]
    assert report["class"] == "LTXConditionPipeline" and report["takes"] == ["text", "image", "frames"]
    assert report["latents"] == [1, 144, 96] and report["frames"] == [17, 3, 32, 32] and report["steps"] == 4
    assert report["particle_bytes"] == pytest.approx(2 * 144 * 96 * 4, rel=0.01)
    assert set(report["kernels"]) == set(KERNELS) and all(e["ok"] for e in report["kernels"].values())
    assert [k for k, e in report["kernels"].items() if not e["stochastic"]] == ["ode", "2m", "unipc"]
    assert report["strategies"] == list(STRATEGIES) and report["guides"] == ["mean", "full"]
    assert all(report[k] > 0 for k in ("load_s", "conditions_s", "step_s", "decode_s"))
    assert report["memory"]["peak_rss"] > 100e6


def test_chunks_and_a_model_that_needs_an_image(capsys, models):
    words = ["num_frames=21", "chunks=2", "call.overlap_history=5"]
    code, report = found(capsys, models / "chunks", *SMALL, *words)
    assert code == 0 and report["steps"] == 8 and report["latents"] == [1, 16, 6, 2, 2] and report["bitwise"]
    code, report = found(capsys, models / "image", *SMALL, "num_frames=9", "--no-gradients")
    assert code == 0 and report["conditioning_frames"] == 1 and report["guides"] == [] and "gradients" not in report
    code, out, _ = told(capsys, models / "image", *SMALL, "num_frames=9")
    assert code == 0 and "1 x 3 x 4 x 2 x 2, 4 steps" in out and "the same bit for bit when cut in two" in out
    assert "guides" in out and "mean (gradient" in out and "FAILED" not in out


def test_a_model_that_is_ill_says_where(capsys, models, tmp_path):
    """With weights that are not finite, loading works and every check after it fails and is reported.

    A weight file that is cut short is refused before anything is loaded.
    """
    from safetensors.torch import load_file, save_file

    shutil.copytree(models / "image", tmp_path / "model")
    file = tmp_path / "model/transformer/diffusion_pytorch_model.safetensors"
    save_file({k: v * float("nan") for k, v in load_file(file).items()}, file, {"format": "pt"})
    code, report = found(capsys, tmp_path / "model", *SMALL, "num_frames=9")
    assert code == 1 and report["strategies"] == [] == report["guides"]
    assert {"chain", "kernel ode", "kernel cps", "decode", "gradients"} <= set(report["failures"])
    assert "not finite" in report["failures"]["kernel ode"]
    file.write_bytes(file.read_bytes()[:1000])
    code, out, error = told(capsys, tmp_path / "model", *SMALL, "num_frames=9")
    assert code == 2 and not out and "part transformer" in error and "is cut short" in error


def test_a_generator_of_ones_own(capsys):
    code, report = found(capsys, "examples.clockwork:load", "steps=6", "call.numbers=24")
    assert code == 0 and report["failures"] == {} and report["own"] and report["bitwise"]
    assert report["class"] == "examples.clockwork:load" and report["steps"] == 6 and report["latents"] == [1, 24]
    assert report["frames"] == [4, 3, 16, 16] and all(e["ok"] for e in report["kernels"].values())
    assert report["strategies"] == list(STRATEGIES) and report["guides"] == ["mean", "full"]
    code, out, _ = told(capsys, "tiny", "generator.name=examples.clockwork:load")
    assert code == 0 and "examples.clockwork:load, custom (here no frames)" in out
    assert "contract suite" not in out and "revision" not in out


class Restless(Clockwork):
    """Draws as it likes."""

    def draw(self, noise):
        return torch.rand(1, self.numbers)


class Wandering(Clockwork):
    """Its preview depends on how often it was asked, so that halves do not make the whole."""

    asked = 0

    def denoise(self, x, k, noise, grad=False):
        self.asked += 1
        return super().denoise(x, k, noise) + self.asked


class Dead(Clockwork):
    """No gradient goes through its network, and its frames leave the unit range."""

    def denoise(self, x, k, noise, grad=False):
        return super().denoise(x.detach(), k, noise).requires_grad_(grad)

    def decode(self, x0, noise, grad=False):
        return 3 * super().decode(x0, noise)


class Mute:
    fps, steps, draw = 8.0, 4, None

    def on(self, prompt):
        return self


def restless(config, device):
    return Restless(config.steps, 8.0)


def wandering(config, device):
    return Wandering(config.steps, 8.0)


def dead(config, device):
    return Dead(config.steps, 8.0)


def mute(config, device):
    return Mute()


@pytest.mark.parametrize(("name", "fails"), [
    ("restless", {"draw": "the same noise gives other latents each time", "chain": "two halves differ"}),
    ("wandering", {"chain": "two halves differ from the whole"}),
    ("dead", {"decode": "they must lie in [0, 1]", "gradients": "no gradient reaches full"}),
    ("mute", {"load": "the generator of a prompt has no denoise and no decode and no path"}),
    ("SMALL", {"load": "not callable"}),
])  # fmt: skip
def test_what_is_wrong_with_ones_own_is_named(capsys, name, fails):
    code, report = found(capsys, f"tests.sampling.test_doctor:{name}")
    assert code == 1
    assert all(why in report["failures"][check] for check, why in fails.items())
    assert not {"draw", "chain", "decode", "gradients", "load"} & (report["failures"].keys() - fails.keys())


@pytest.mark.parametrize(("words", "wants"), [
    (["nowhere.module:load"], "No module named 'nowhere'"),
    (["tests.sampling.test_doctor:lode"], "has no attribute 'lode'"),
    (["nowhere/"], "no folder of that name"),
    (["./nowhere"], "no such folder"),
    (["tiny", "stepz=4"], "did you mean 'generator.steps'"),
    (["tiny", "steps=3"], "steps=3: the checks take at least 4 steps"),
    (["tiny", "chunks=2"], "LTXConditionPipeline makes a video whole"),
    (["tiny", "--image", "nowhere.png"], "nowhere.png: no such file"),
    (["tiny", "dtype=int8"], "There are: float32"),
])  # fmt: skip
def test_mistakes_are_one_line(capsys, words, wants):
    code, out, error = told(capsys, *words)
    assert code == 2 and wants in error and error.count("\n") == 1 and not out
