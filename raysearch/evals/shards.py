"""One function over many items, in this process or as Ray tasks: results as they come, each with its index.

Tasks are independent and give the same answer wherever they run; Ray repeats those that a lost node took with it. Files
are named, not sent: every node must see them under the same path.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from raysearch.errors import UsageError

A = TypeVar("A")
B = TypeVar("B")


def each(
    function: Callable[[A], B], items: Sequence[A], workers: int = 0, address: str = "local"
) -> Iterator[tuple[int, B]]:
    """Apply a function to many items.

    Args:
        function: Called with one item; independent of all other calls.
        items: The items.
        workers: Calls at a time, as tasks on Ray; 0 for this process.
        address: The Ray cluster to join.

    Yields:
        (index of the item, result) in order of arrival.

    Raises:
        UsageError: A call raised it; no further call is begun.
    """
    if workers <= 0 or len(items) <= 1:
        yield from enumerate(map(function, items))
        return
    from raysearch.security import authenticate_driver

    authenticate_driver(address)
    import ray

    from raysearch.config.settings import ClusterConfig
    from raysearch.executors.ray.cluster import connect

    session = connect(ClusterConfig(address=address))
    try:
        environment = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        task = ray.remote(_caught).options(num_cpus=1, max_retries=3, runtime_env={"env_vars": environment})
        folder = os.getcwd()
        waiting, flying = list(enumerate(items))[::-1], dict[Any, int]()
        while waiting or flying:
            while waiting and len(flying) < workers:
                index, item = waiting.pop()
                flying[task.remote(function, item, folder)] = index
            done, _ = ray.wait(list(flying), num_returns=1)
            for ref in done:
                result, mistake = ray.get(ref)
                if mistake is not None:
                    raise UsageError(mistake)
                yield flying.pop(ref), result
    finally:
        session.leave()


def _caught(function: Callable[[Any], Any], item: Any, folder: str) -> tuple[Any, str | None]:
    """A mistake of the user travels as text: Ray would wrap it in a traceback."""
    if os.path.isdir(folder):
        os.chdir(folder)
    try:
        return function(item), None
    except UsageError as error:
        return None, str(error)
