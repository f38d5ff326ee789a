"""Which kernel is a model's own sampler."""

import json

import pytest

from raysearch import config, runs
from raysearch.generators import feasible, solver


@pytest.mark.parametrize(
    "scheduler, settings, kernel",
    [
        ("UniPCMultistepScheduler", {}, "unipc"),
        ("UniPCMultistepScheduler", {"solver_order": 1}, "ode"),
        ("UniPCMultistepScheduler", {"solver_type": "bh1"}, "ode"),
        ("DPMSolverMultistepScheduler", {"flow_shift": 8.0}, "2m"),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}, "ode"),
        ("FlowMatchEulerDiscreteScheduler", {}, "ode"),
    ],
)
def test_a_solver_of_second_order_is_a_kernel_of_second_order(scheduler, settings, kernel):
    assert solver.kernel(scheduler, settings) == kernel


@pytest.mark.parametrize("given, asked", [("stock", True), ({"name": "stock"}, True), ("ode", False), (None, False)])
def test_a_search_asks_for_it_by_name(given, asked):
    assert solver.asked({"name": "best_of_n", "kernel": given}) is asked


def job(model, **search):
    values = {
        "generator": {"model": model, "steps": 2, "fps": 8},
        "prompts": {"items": ["a ball"]},
        "search": {"name": "best_of_n", **search},
        "reward": "flicker",
    }
    return config.typed(values, "the test")


def test_a_job_that_asks_for_it_gets_the_kernel_of_its_scheduler(tmp_path):
    index = {"_class_name": "LTXPipeline", "scheduler": ["diffusers", "UniPCMultistepScheduler"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    asked = job(str(tmp_path), kernel="stock")
    assert feasible.stock_kernel(asked.generator) == "unipc"
    resolved = runs.resolve(asked)
    assert resolved.job.search["kernel"] == "unipc" and asked.search["kernel"] == "stock"
    assert "search.kernel=stock: the sampler of this model is the kernel unipc" in resolved.notes
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "scheduler/scheduler_config.json").write_text('{"solver_order": 1}')
    assert feasible.stock_kernel(asked.generator) == "ode"
    assert any("the kernel ode, of first order" in note for note in runs.resolve(asked).notes)
    asked.generator.scheduler = {"solver_order": 2}
    assert feasible.stock_kernel(asked.generator) == "unipc"


def test_the_stock_sampler_of_the_shipped_model_has_the_keys_of_the_default():
    (stock,), (plain,) = (runs.resolve(job("tiny", **kernel)).tasks() for kernel in ({"kernel": "stock"}, {}))
    assert [m.key("") for m in next(stock.search).moves] == [m.key("") for m in next(plain.search).moves]
