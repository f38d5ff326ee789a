"""The stock sampler of a model: a chain with its kernel makes the video of the untouched pipeline, per family."""

import pytest
import torch

from raysearch.generators import hooks, solver
from raysearch.generators.conditioning import arguments, own_names, taken, with_defaults
from raysearch.generators.diffusers import DiffusersModel
from raysearch.generators.families import SCHEDULERS
from raysearch.moves import Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling.workers import run_move
from tests.zoo.cases import CASES, FIRST
from tests.zoo.untouched import frames_of

STEPS, TEXT = 6, "a red ball rolls left"
SECOND = [c for c in CASES if c.why == FIRST and c.chunks == 1 and not c.missing]
NOT_HERE = ("wan-redrawn-unipc",)  # it starts on the way, from a clip


def moved(generator, to, kernel, parent=None):
    move = Move(parent and "parent", (0, 0, 0), to, kernel=kernel)
    return run_move(generator, move, Prompt("p", TEXT), parent, torch.device("cpu"))[0]


@pytest.mark.parametrize("case", [c for c in SECOND if c.id not in NOT_HERE], ids=lambda c: c.id)
def test_the_kernel_of_the_scheduler_makes_the_video_of_the_stock_pipeline(case):
    torch.set_num_threads(1)
    stock = case.build()
    name = solver.kernel(type(stock.scheduler).__name__, stock.scheduler.config)
    assert name in ("unipc", "2m")  # these are the cases whose own solver is of second order
    stock.set_progress_bar_config(disable=True)
    stock.vae = hooks.mode_not_sample(stock.vae)
    model = DiffusersModel(case.build(), STEPS, 8, **case.call())
    call = own_names(type(stock), model.call) | {"num_inference_steps": STEPS, "output_type": "pt"}
    prompt = arguments(case.pipeline, TEXT, case.frames(), "p", with_defaults(type(stock), call))
    noise = torch.Generator().manual_seed(0)
    expected = frames_of(stock, **taken(type(stock), call) | prompt, generator=noise)[case.doubled :]

    generator = model.given(TEXT, case.frames(), "p")
    drawn = generator.draw
    generator.draw = lambda _: drawn(torch.Generator().manual_seed(0))  # the noise of the stock call
    with torch.no_grad():
        whole = moved(generator, STEPS, Kernel(name))
        end = moved(generator, STEPS, Kernel(name), moved(generator, STEPS // 2, Kernel(name)))
        first = moved(generator, STEPS, Kernel())
        video = generator.decode(torch.from_numpy(whole.x), torch.Generator().manual_seed(1))
    assert (end.x == whole.x).all()  # the history travels with the particle
    assert (video - expected).abs().max() < 1e-4  # the stock solver computes its coefficients in fp32
    assert abs(first.x - whole.x).max() > 1e-3  # first order would be told apart


@pytest.mark.parametrize("case", [c for c in CASES if c.why != FIRST and not c.missing], ids=lambda c: c.id)
def test_where_the_contract_suite_compares_at_first_order_the_kernel_is_the_ode(case):
    scheduler = case.build().scheduler
    name = SCHEDULERS.get(type(scheduler).__name__, type(scheduler).__name__)
    assert solver.kernel(name, scheduler.config) == "ode"
