"""Distillation: the ends of lines are the teacher's, lines are straight, and a stopped run goes on."""

import pytest
import torch
from diffusers import LTXVideoTransformer3DModel
from safetensors.torch import load_file

from raysearch import pretrained
from raysearch.tinyworld import weights
from raysearch.tinyworld.codec import TinyPatchCodec
from raysearch.tinyworld.models import transformer
from raysearch.tinyworld.train import fast
from raysearch.tinyworld.train.loop import TrainingRecipe

CPU, RECIPE = torch.device("cpu"), TrainingRecipe(steps=2, batch=2, lr=1e-4, seed=7, warmup=1)


def teacher() -> torch.nn.Module:
    shipped = str(weights("generator"))
    return pretrained.network(LTXVideoTransformer3DModel, shipped, "the shipped generator", "transformer")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("fast")
    codec = pretrained.network(TinyPatchCodec, str(weights("generator")), "the shipped generator", "vae")
    fast.make_lines(teacher(), codec, RECIPE, path, CPU, batches=1)
    return path


@pytest.fixture(scope="module")
def lines(folder):
    return load_file(folder / "lines/0000.safetensors")


def test_the_second_line_begins_in_the_first_video_noised_anew_and_ends_near_it(lines):
    noise, video = lines["noise"], lines["video"]
    on_line = (1 - fast.RENOISED) * video[1] + fast.RENOISED * noise[1]
    again = (on_line - (1 - fast.RENOISED) * video[0]) / fast.RENOISED
    free = ~fast.given_tokens(CPU)[0]
    assert again[:, free].std() == pytest.approx(1, abs=0.05)  # what was added is noise of standard deviation 1
    apart = (video[0] - video[1])[:, free].square().mean()
    assert 0 < apart < (video[0] - video[0].flip(0))[:, free].square().mean()


def test_what_is_given_stays_clean(lines):
    given = fast.given_tokens(CPU)[0]
    assert torch.equal(lines["video"][0][:, given], lines["video"][1][:, given])


def test_the_teacher_follows_its_own_velocity(lines):
    """A step to 0 from the last level is x0_hat there; from a video that is finished nothing is left to do."""
    denoiser = fast.Denoiser(teacher().eval(), 2, CPU)
    x, last = lines["noise"][0], fast.TEACHER[-2]
    with torch.no_grad():
        v = denoiser.velocity(x, torch.full((2, 1), last), lines["prompts"])
    free = ~denoiser.given[0]
    expected = (x - last * v)[:, free]
    assert torch.allclose(denoiser.finish(x, last, lines["prompts"])[:, free], expected, atol=1e-5)


def test_lines_that_are_there_are_not_made_again(folder):
    codec = pretrained.network(TinyPatchCodec, str(weights("generator")), "the shipped generator", "vae")
    before = (folder / "lines/0000.safetensors").stat().st_mtime_ns
    fast.make_lines(transformer(), codec, RECIPE, folder, CPU, batches=1)
    assert (folder / "lines/0000.safetensors").stat().st_mtime_ns == before


def test_the_student_learns_the_lines(folder, lines):
    """The loss of what it was trained on falls below the teacher's."""

    def wrong(network: torch.nn.Module) -> float:
        x = torch.where(fast.given_tokens(CPU)[..., None], lines["video"][0], lines["noise"][0])
        v = fast.Denoiser(network, 2, CPU).velocity(x, torch.ones(2, 1), lines["prompts"])
        return (v - (lines["noise"] - lines["video"])[0])[:, ~fast.given_tokens(CPU)[0]].square().mean().item()

    recipe = TrainingRecipe(steps=8, batch=2, lr=3e-4, seed=7, warmup=1)
    student = fast.train(recipe, folder, CPU, teacher())
    with torch.no_grad():
        assert wrong(student.eval()) < wrong(teacher().eval())


def test_every_file_is_used_once_a_round():
    rounds = [[fast._place(7, step, 5) for step in range(5 * k, 5 * k + 5)] for k in range(3)]
    assert all(sorted(r) == list(range(5)) for r in rounds) and rounds[0] != rounds[1]
