"""Which kernel is the sampler that a model ships with: the solver of its own scheduler, on its own table.

`search.kernel: stock` stands for it. UniPC of order 2 is the kernel `unipc`, DPM-Solver++ of order 2 is `2m`, and a
first-order scheduler (Euler, DDIM) is `ode`; each makes the stock pipeline's video (tests/zoo/test_stock.py). Loads
neither torch nor diffusers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STOCK = "stock"
# The settings with which a solver is the kernel; a configuration that says otherwise is driven at first order.
UNIPC = {
    "solver_order": 2,
    "solver_type": "bh2",
    "predict_x0": True,
    "lower_order_final": True,
    "disable_corrector": [],
}
DPM = {"solver_order": 2, "solver_type": "midpoint", "algorithm_type": "dpmsolver++", "lower_order_final": True}
SOLVERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "UniPCMultistepScheduler": ("unipc", UNIPC),
    "DPMSolverMultistepScheduler": ("2m", DPM),
}


def kernel(scheduler: str, config: Mapping[str, Any]) -> str:
    """The kernel of a class of schedulers with these settings, which are at their defaults where they are not given."""
    name, wanted = SOLVERS.get(scheduler, ("ode", {}))
    return name if all(config.get(key, value) == value for key, value in wanted.items()) else "ode"


def meaning(kernel: str) -> str:
    """What the kernel that stands for the sampler of a model is, for people."""
    if kernel != "ode":
        return f"the sampler of this model is the kernel {kernel}"
    return (
        "the kernel ode, of first order, for the solver of this model is of first order too, has settings that no "
        "kernel here has, or cannot pause between chunks"
    )


def asked(search: Mapping[str, Any]) -> bool:
    """Whether a search asks for the sampler of the model."""
    given = search.get("kernel")
    return given == STOCK or (isinstance(given, Mapping) and given.get("name") == STOCK)
