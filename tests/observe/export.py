"""Run as a script: searches on a real Ray with its metrics, which are then read back as Prometheus reads them.

Prints one JSON object: what the coordinator and the executor counted, and every exported sample of raysearch.
"""

import contextlib
import io
import json
import os
import re
import sys
import time
import urllib.request

import ray

from raysearch.observe.progress import Progress
from raysearch.observe.ray_metrics import RayMetrics
from tests.observe.case import NOISY, Clock, Ticking, drive, searches
from tests.waiting import PATIENCE_S

SAMPLE = re.compile(r"^ray_(raysearch_\w+)\{(.*)\} (\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')
COUNTED = {"restarts": 2, "drained": 6, "retries": 3, "hedges": 4, "hedges_won": 1, "mismatches": 7, "moved_states": 9,
           "moved_bytes": 5000}  # fmt: skip


def scrape(url):
    """(name, labels of ours, value) of every sample of raysearch."""
    with contextlib.suppress(OSError):
        lines = urllib.request.urlopen(url, timeout=5).read().decode().splitlines()
        found = [m for m in map(SAMPLE.match, lines) if m]
        keep = ("run", "pool", "le")
        return [(m[1], {k: v for k, v in LABEL.findall(m[2]) if k in keep}, float(m[3])) for m in found]
    return []


def main(folder, stay_s=3.0):
    """stay_s: more than the two seconds after which this Ray forgets a gauge."""
    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_metrics_report_interval_ms": "300"}
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    options = {"name": "smc", "n": 6, "kernel": NOISY}
    drive(folder, Ticking(Clock()), searches(1, **options))  # so that some Moves are recalled
    executor = Ticking(Clock(), extra={**COUNTED, "draining": 1}, capacity=4, lose=0.2, poison=[(2, 1, 0)])
    todo = searches(3, **options)
    seen = Progress(len(todo))
    metrics = RayMetrics("runs/x", len(todo))
    _, coordinator = drive(folder, executor, todo, metrics, seen)
    node = ray.nodes()[0]
    url = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    told = {"nfe": coordinator.ledger.cost.nfe, "executed": coordinator.ledger.executed, "busy_s": executor.busy_s,
            "recalled": coordinator.ledger.recalled, "rebuilt": coordinator.ledger.rebuilt,
            "reward_calls": coordinator.ledger.cost.reward_calls,
            "best": [s.best for s in seen.seen.values()]}  # fmt: skip
    print(url, file=sys.stderr, flush=True)
    samples, began = [], time.monotonic()
    wanted = ("raysearch_moves_total", {"run": "runs/x"}, told["executed"])
    while wanted not in samples or time.monotonic() < began + stay_s:
        assert time.monotonic() < began + PATIENCE_S
        time.sleep(0.2)
        metrics.on_wait(coordinator.ledger, executor.status())  # as the coordinator does while it waits
        samples = scrape(url)
    ray.shutdown()
    return told | {"samples": samples}


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        found = main(sys.argv[1], *map(float, sys.argv[2:]))
    print(json.dumps(found))
