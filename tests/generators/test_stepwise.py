"""An engine that steps its requests, by a stand-in of the contract that really denoises with the tiny network."""

import pytest
import torch

from examples.stepping import Engine, host
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import custom
from raysearch.generators.stepwise import StepwiseModel, load
from raysearch.moves import Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling.move import run_move

PROMPT, OTHER = Prompt("s", "a ball", scene="one_ball", scene_seed=3), Prompt("t", "a ball", scene="two_balls")
CPU, STEPS = torch.device("cpu"), 3


def noise(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def engine():
    torch.set_num_threads(1)
    return host(GeneratorConfig(steps=STEPS, fps=8.0), "cpu")


@pytest.fixture(scope="module")
def generator(engine):
    return StepwiseModel(engine).on(PROMPT)


def move(generator, *args, parent=None, **options):
    with torch.no_grad():
        return run_move(generator, Move("parent" if parent else None, *args, **options), PROMPT, parent, CPU)


def test_the_video_is_that_of_the_engines_own_loop(engine, generator):
    x = generator.draw(noise(5))
    with torch.no_grad():
        served = engine.serve([engine.request(OTHER, "b", noise(6)), engine.request(PROMPT, "a", noise(5))])[1]
        for k in range(STEPS):
            a, s, a1, s1 = generator.path(k)
            x0 = generator.denoise(x, k, noise(0))
            x = a1 * x0 + s1 * (x - a * x0) / s
        frames = generator.decode(x0, noise(0))
    assert generator.steps == STEPS and frames.shape == (17, 3, 32, 32) and 0 <= frames.min() <= frames.max() <= 1
    assert frames.std() > 0.05
    assert torch.allclose(frames, engine.frames(served), atol=1e-4)


def test_steps_split_over_requests_are_the_unsplit_run(engine, generator):
    """Particles of other prompts come between, and the second half is made by a request that drew other noise."""
    kernel = Kernel("ddim_eta", 0.7, (0.0, 1.0))
    whole, _, nfe = move(generator, (0, 0, 1), STEPS, kernel)
    other = StepwiseModel(engine).on(OTHER)
    half, *_ = move(generator, (0, 0, 1), 1, kernel)
    move(other, (0, 0, 2), STEPS)
    rest, *_ = move(StepwiseModel(engine).on(PROMPT), (0, 0, 1), STEPS, kernel, parent=half)
    assert (rest.x == whole.x).all() and nfe == STEPS


def test_what_cannot_be_stepped_is_refused(engine, generator):
    class Refusing(type(engine.pipeline)):
        supports_step_execution = False

    class Short:
        supports_step_execution = True
        prepare_encode = denoise_step = step_scheduler = lambda self: None

    for pipeline, words in ((Refusing(None), "supports_step_execution = False"), (Short(), "has no post_decode")):
        bad = Engine(engine.pipeline.model)
        bad.pipeline = pipeline
        with pytest.raises(UsageError, match=words):
            StepwiseModel(bad)
    with pytest.raises(UsageError, match="computes no gradients"):
        generator.denoise(generator.draw(noise(0)), 0, noise(0), grad=True)
    with pytest.raises(UsageError, match=r"generator.call.host='no_such:x': .*give package.module:function"):
        load(GeneratorConfig(), "cpu", "no_such:x")


def test_a_job_names_the_host_and_is_checked_before_it_is_loaded():
    assert list(custom.describe("stepwise").options) == ["host"]
    config = GeneratorConfig(name="stepwise", steps=STEPS, fps=8.0, call={"host": "examples.stepping:host"})
    custom.check(config, [PROMPT])
    assert custom.factory("stepwise")(config, "cpu").fps == 8.0
    with pytest.raises(UsageError, match="host"):
        custom.check(GeneratorConfig(name="stepwise", call={}), [PROMPT])
