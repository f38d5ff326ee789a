"""Parts added in one file each: a strategy, a kernel and a guide, named as `package.module:name`."""

import sys

import pytest

from examples.exact.drivers import Toy, drive
from raysearch.errors import UsageError
from raysearch.moves import Kernel
from raysearch.search import STRATEGIES, of, strategy
from raysearch.search.common import stochastic_steps
from raysearch.search.guides import guide_of
from raysearch.search.kernels import kernel_of

PART = '''
from raysearch.coefficients import KernelKind
from raysearch.moves import Move, Result, Round
from raysearch.options import Count


def pick(seed, steps, *, n: Count = 3, kernel=None):
    """Draw n videos and keep the best.

    Args:
        n: how many videos are drawn.

    Paper: none
    """
    outcomes = yield Round(tuple(Move(None, (seed, i), steps) for i in range(n)))
    return Result.of_best(outcomes, n=n)


HALF = KernelKind(lambda a, s, a1, s1, eta: (s1 * (1 - eta), s1 * (2 * eta - eta * eta) ** 0.5), 1.0)
'''


@pytest.fixture
def parts(tmp_path, monkeypatch):
    (tmp_path / "my_parts.py").write_text(PART)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "my_parts"
    sys.modules.pop("my_parts", None)


def test_a_strategy_in_one_file(parts):
    part = of(f"{parts}:pick")
    assert part.summary == "Draw n videos and keep the best." and part.options["n"].values.endswith("at least 1")
    result, _ = drive(strategy(f"{parts}:pick")(0, 20, n=4), Toy().run)
    assert len(result.finals) == 4 and "pick" not in STRATEGIES
    with pytest.raises(UsageError, match=r"search\.n=0: give a whole number of at least 1"):
        strategy(f"{parts}:pick")(0, 20, n=0)


def test_a_kernel_in_one_file(parts):
    kernel = kernel_of({"name": f"{parts}:HALF", "eta": 0.5})
    assert kernel == Kernel("my_parts:HALF", 0.5) and kernel.stochastic
    assert stochastic_steps(kernel, 5) == [0, 1, 2, 3]
    with pytest.raises(UsageError, match=r"kernel\.eta=1\.5"):
        kernel_of({"name": f"{parts}:HALF", "eta": 1.5})


def test_a_guide_is_named_by_its_module():
    guide = guide_of({"name": "my_guides:nudge", "scale": 0.1})
    assert guide is not None and guide.name == "my_guides:nudge"
    with pytest.raises(UsageError, match="guide 'meen' is unknown; did you mean 'mean'"):
        guide_of({"name": "meen", "scale": 0.1})
