"""The same bits on every processor: no function of numpy that rounds by the instructions it finds."""

import ast
import math

import numpy as np
import pytest

from raysearch.search.elementary import dot, exp, log
from tests.source import ROOT

# Elementwise functions with vector instructions, and what BLAS computes; +, -, *, /, sqrt and powers of 2 are exact.
BY_MACHINE = {
    "arccos", "arcsin", "arctan", "cbrt", "corrcoef", "cos", "cosh", "cov", "dot", "einsum", "exp", "exp2", "expm1",
    "inner", "linalg", "log", "log10", "log1p", "log2", "logaddexp", "matmul", "power", "sin", "sinh", "tan", "tanh",
    "vdot",
}  # fmt: skip


def offences(source: str) -> list[str]:
    """Where a module leaves its rounding to the processor."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            found.append(f"line {node.lineno}: @")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
            found += [f"line {node.lineno}: np.{node.attr}"] if node.attr in BY_MACHINE else []
    return sorted(found)


@pytest.mark.parametrize("path", sorted((ROOT / "raysearch/search").glob("*.py")), ids=lambda p: p.stem)
def test_no_search_rounds_by_the_machine(path):
    assert offences(path.read_text()) == []


def test_what_would_be_found():
    assert offences("import numpy as np\na = np.exp(b)\nc = a @ b\nd = np.sqrt(a)") == ["line 2: np.exp", "line 3: @"]


def test_values_and_ends():
    assert exp([0.0, 1.0, -math.inf]).tolist() == [1.0, math.e, 0.0]
    assert log(np.array([1.0, 0.0, 8.0])).tolist() == [0.0, -math.inf, math.log(8)]
    with pytest.raises(OverflowError):
        exp([710.0])
    with pytest.raises(ValueError):
        log([-1.0])


def test_a_dot_product_is_rounded_once():
    assert dot([1e16, 1.0, -1e16], np.ones(3)) == 1.0  # numpy gives 0 or 1, by the order in which it adds
    with pytest.raises(ValueError):
        dot([1.0], [1.0, 2.0])
