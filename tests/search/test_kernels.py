"""What a job can say of a kernel."""

import pytest

from raysearch.errors import UsageError
from raysearch.moves import Kernel
from raysearch.search.kernels import kernel_of


def test_a_kernel_is_a_name_or_a_mapping():
    assert kernel_of("ode") == Kernel()
    assert kernel_of({"name": "ddim_eta", "eta": 1, "window": [0.2, 0.8]}) == Kernel("ddim_eta", 1, (0.2, 0.8))
    assert kernel_of({"name": "renoise"}) == Kernel("renoise")
    assert kernel_of(Kernel("cps", 0.5)) == Kernel("cps", 0.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("od", "kernel 'od' is unknown; did you mean 'ode'"),
        (3, r"search.kernel=3: give ode, .* or a mapping such as {name: ddim_eta, eta: 0.7}"),
        ({"nam": "ode"}, "search.kernel: option of a kernel 'nam' is unknown; did you mean 'name'"),
        ({"name": "cps", "eta": 1.5}, r"kernel.eta=1.5 of cps: give a number in \[0, 1\]"),
        ({"name": "ode", "eta": 0.5}, "kernel.eta=0.5 of ode: this kernel has no noise"),
        ({"name": "cps", "eta": -1}, "search.kernel.eta=-1: give a number of at least 0"),
        ({"name": "cps", "eta": "much"}, "search.kernel.eta='much': give a number of at least 0"),
        ({"name": "cps", "window": [0.5, 0.2]}, r"search.kernel.window=\[0.5, 0.2\]: give two fractions of the steps"),
        ({"name": "cps", "window": 0.5}, r"search.kernel.window=0.5: give two fractions of the steps"),
        ({"name": "math:pie"}, "kernel 'math:pie': .* package.module:name"),
    ],
)
def test_what_cannot_be_meant_is_named(given, message):
    with pytest.raises(UsageError, match=message):
        kernel_of(given)


@pytest.mark.parametrize(("name", "largest"), [("ode", 0), ("2m", 0), ("ddim_eta", 1), ("cps", 1), ("flow_sde", 9)])
def test_a_kernel_that_exists_is_within_its_range_of_eta(name, largest):
    Kernel(name, largest)
    with pytest.raises(UsageError, match=rf"of {name}: "):
        Kernel(name, -0.1 if name == "flow_sde" else largest + 0.1)
