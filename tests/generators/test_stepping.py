"""The one-step adapter on the shipped pipeline: equal to the stock call, chainable bitwise, movable, differentiable."""

import pytest
import torch
from diffusers import DiffusionPipeline
from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition

import raysearch.tinyworld.codec  # noqa: F401  so that diffusers finds the class
from raysearch import generators
from raysearch.config import tiny_defaults
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.moves import Kernel, Move
from raysearch.prompts import Prompt, frames
from raysearch.sampling import kernels
from raysearch.sampling.workers import run_move
from raysearch.tinyworld import weights

STEPS = 6
CPU = torch.device("cpu")
PROMPT = Prompt("p", "a ball", scene="one_ball", scene_seed=3)
NOISY = Kernel("ddim_eta", 0.7)


def config(**options):
    job = Job()
    tiny_defaults(job)
    for key, value in ({"steps": STEPS} | options).items():
        setattr(job.generator, key, value)
    return job.generator


@pytest.fixture(scope="module")
def generator():
    torch.set_num_threads(1)
    return generators.load(config()).on(PROMPT)


def noise(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
@pytest.mark.parametrize(("shift", "times"), [(1.5, "even"), (None, "even"), (1.0, "vp_warped")])
def test_a_chain_of_steps_equals_the_stock_pipeline(shift, times, guidance_scale):
    settings = config(shift=shift, times=times, guidance_scale=guidance_scale)
    own = generators.load(settings).on(PROMPT)
    pipe = DiffusionPipeline.from_pretrained(weights("generator"))
    pipe.set_progress_bar_config(disable=True)
    clip = torch.from_numpy(frames(PROMPT)).permute(0, 3, 1, 2)[None].float() / 255
    call = settings.pipeline_call() | ({} if shift else {"num_inference_steps": STEPS})
    stock = pipe(prompt="a ball", conditions=[LTXVideoCondition(video=clip, frame_index=0)], generator=noise(5),
                 output_type="pt", **call).frames[0]  # fmt: skip
    with torch.no_grad():
        x = own.draw(noise(5))
        for k in range(STEPS):
            x0 = own.denoise(x, k, noise(0))
            x, _ = kernels.step(Kernel(), x, x0, own.path(k), None, k / (STEPS - 1))
        video = own.decode(x, noise(0))
    assert (video - stock).abs().max() < 1e-4


@pytest.mark.parametrize("kernel", [Kernel(), Kernel("2m"), Kernel("unipc"), NOISY], ids=lambda k: k.name)
@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_chain_cut_anywhere_equals_the_unsplit_one_bitwise(generator, kernel, cut):
    seed = (0, 0, 7)
    whole, _, nfe = run_move(generator, Move(None, seed, STEPS, kernel), PROMPT, None, CPU)
    half, _, first = run_move(generator, Move(None, seed, cut, kernel), PROMPT, None, CPU)
    rest, _, second = run_move(generator, Move("half", seed, STEPS, kernel), PROMPT, half, CPU)
    assert (rest.x == whole.x).all() and (rest.x0 == whole.x0).all()
    assert nfe == STEPS == first + second


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_chain_is_cut_bitwise_in_half_precision_too(dtype):
    """There, rounding depends on how a tensor lies in memory: a particle off the wire lies as one that never left."""
    half = generators.load(config(dtype=dtype)).on(PROMPT)
    seed = (0, 0, 7)
    with torch.no_grad():
        whole, *_ = run_move(half, Move(None, seed, STEPS), PROMPT, None, CPU)
        first, *_ = run_move(half, Move(None, seed, 3), PROMPT, None, CPU)
        rest, *_ = run_move(half, Move("half", seed, STEPS), PROMPT, first, CPU)
    assert (rest.x == whole.x).all() and (rest.x0 == whole.x0).all() and whole.x.dtype == "float32"


def test_a_particle_goes_on_bitwise_on_a_fresh_replica(generator):
    half, *_ = run_move(generator, Move(None, (0, 0, 1), 3, NOISY), PROMPT, None, CPU)
    fresh = generators.load(config()).on(PROMPT)
    here, *_ = run_move(generator, Move("half", (0, 1, 1), STEPS, NOISY), PROMPT, half, CPU)
    there, *_ = run_move(fresh, Move("half", (0, 1, 1), STEPS, NOISY), PROMPT, half, CPU)
    assert (here.x == there.x).all()


def test_different_seeds_differ_and_equal_ones_do_not(generator):
    runs = [run_move(generator, Move(None, (0, 0, i), STEPS), PROMPT, None, CPU)[0].x for i in (0, 1, 0)]
    assert (runs[0] == runs[2]).all() and abs(runs[0] - runs[1]).max() > 0.1


def test_given_frames_are_held(generator):
    state, *_ = run_move(generator, Move(None, (0, 0, 2), STEPS, NOISY), PROMPT, None, CPU)
    with torch.no_grad():
        video = generator.decode(torch.from_numpy(state.x), noise(0))
    given = torch.from_numpy(frames(PROMPT)).permute(0, 3, 1, 2).float() / 255
    assert (video[:5] - given).abs().mean() < 0.01
    drawn = generator.draw(noise(1)).numpy()
    other = generator.draw(noise(2)).numpy()
    held = drawn == other
    assert held.mean() == pytest.approx(3 / 9) and (state.x[held] == drawn[held]).all()


def test_mutation_leaves_given_frames_and_moves_the_rest(generator):
    start, *_ = run_move(generator, Move(None, (0, 0, 0), 0, score=False), PROMPT, None, CPU)
    near, *_ = run_move(generator, Move("s", (0, 1, 0), 0, mutate=0.3, score=False), PROMPT, start, CPU)
    held = start.x == near.x
    assert held.mean() == pytest.approx(3 / 9)
    correlation = (start.x[~held] * near.x[~held]).mean() / (start.x[~held] ** 2).mean()
    assert correlation == pytest.approx((1 - 0.3**2) ** 0.5, abs=0.03)
    again, *_ = run_move(generator, Move("s", (0, 1, 0), STEPS, mutate=0.3), PROMPT, start, CPU)
    apart, *_ = run_move(generator, Move("n", (0, 1, 0), STEPS), PROMPT, near, CPU)
    assert (again.x == apart.x).all()


def test_going_back_renoises_to_the_marginal(generator):
    end, *_ = run_move(generator, Move(None, (0, 0, 0), STEPS), PROMPT, None, CPU)
    back, _, nfe = run_move(generator, Move("e", (0, 1, 0), 2, back=2, score=False), PROMPT, end, CPU)
    a, s = (float(q) for q in generator.path(2)[:2])
    free = end.x != back.x
    assert nfe == 1 and (back.x[free] - a * end.x[free]).std() == pytest.approx(s, rel=0.05)
    with pytest.raises(UsageError, match="back=4"):
        run_move(generator, Move("b", (0, 1, 0), STEPS, back=4), PROMPT, back, CPU)


def test_gradients_flow_through_decode_and_through_the_network(generator):
    x = generator.draw(noise(0)).requires_grad_(True)
    with torch.enable_grad():
        x0 = generator.denoise(x, 2, noise(0), grad=True)
        (full,) = torch.autograd.grad(generator.decode(x0, noise(0), grad=True)[5:].mean(), x)
        clean = x0.detach().requires_grad_(True)
        (mean,) = torch.autograd.grad(generator.decode(clean, noise(0), grad=True)[5:].mean(), clean)
    assert full.abs().max() > 0 and mean.abs().max() > 0


def test_no_such_move(generator):
    with pytest.raises(UsageError, match="steps 0 to 6"):
        run_move(generator, Move(None, (0,), STEPS + 1), PROMPT, None, CPU)
