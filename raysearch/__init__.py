"""raysearch: test-time search that makes video diffusion models obey physics, on Ray.

In a notebook, `raysearch.run("demo", n=4)` runs a job and shows its report, `raysearch.load("runs/demo")` reads an
earlier run. Importing this package loads nothing heavy: neither torch nor ray.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raysearch.report.notebook import load, run

__version__ = "0.1.0"
__all__ = ["__version__", "load", "run"]


def __getattr__(name: str) -> Any:
    """`run` and `load`, when they are first asked for."""
    if name in ("run", "load"):
        return getattr(import_module("raysearch.report.notebook"), name)
    raise AttributeError(f"module 'raysearch' has no attribute {name!r}")
