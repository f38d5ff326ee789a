"""Wait until the nodes of an allocation have joined Ray: `python -m raysearch.submit.nodes ADDRESS NODES SECONDS`.

Says what is missing while it waits. Goes on with those that are there when the time is up; exit code 1 if none is.
"""

from __future__ import annotations

import logging
import sys
import time

import ray


def wait(address: str, nodes: int, seconds: float) -> int:
    """The number of nodes that are alive, at once when all are, else after `seconds`."""
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    began = told = time.monotonic()
    while (alive := sum(node["Alive"] for node in ray.nodes())) < nodes and time.monotonic() - began < seconds:
        if time.monotonic() - told > 5:
            told = time.monotonic()
            print(f"waiting for nodes: {alive} of {nodes} are there", flush=True)
        time.sleep(0.5)
    print(f"{alive} of {nodes} nodes are there", flush=True)
    ray.shutdown()
    return alive


if __name__ == "__main__":
    sys.exit(0 if wait(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])) else 1)
