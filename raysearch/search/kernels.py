"""The kernel of a job, `search.kernel`: a name, or a mapping of name, eta and window. Plain data, no arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raysearch import options
from raysearch.errors import UsageError
from raysearch.moves import KERNELS, Kernel

KERNEL = options.describe(Kernel, "a kernel")


def kernel_of(given: Any, key: str = "search.kernel") -> Kernel:
    """The kernel that a job describes.

    Args:
        given: a name, such as `ode`, or a mapping such as {name: ddim_eta, eta: 0.5, window: [0.2, 0.8]}.
        key: where it stands in the job; errors begin with it.

    Raises:
        UsageError: for an unknown name or key, and for a value that is out of range.
    """
    if isinstance(given, Kernel):
        return given
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, Mapping):
        raise UsageError(
            f"{key}={given!r}: give {', '.join(KERNELS)}, or a mapping such as {{name: ddim_eta, eta: 0.7}}"
        )
    options.check(KERNEL, given, key)
    return Kernel(**{**given, **({"window": tuple(given["window"])} if "window" in given else {})})
