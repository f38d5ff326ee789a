"""What Prometheus sees of a run: counters, gauges and histograms that Ray exports on the node of this process.

Ray writes them as `ray_NAME`, counters as `ray_NAME_total`. All carry the tag `run`, those of a pool also `pool`.
Counters count what this invocation did: Moves recalled from the journal are no work and do not count as Moves. The
sums of Ray's histograms are made of the middles of buckets; exact means are busy_seconds over nfe or reward_calls.
clusters/grafana.json shows every one of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from ray.util.metrics import Counter, Gauge, Histogram

from raysearch.engine.task import Observer

EVERY_S = 1.0  # between two readings; Ray forgets a gauge that is not set again within two of its reports (20 s)
SECONDS = [round(step * 10.0**k, 6) for k in range(-3, 2) for step in (1, 1.5, 2.2, 3.3, 4.7, 6.8)] + [100.0]
COUNTERS = {
    "raysearch_moves": "Moves executed.",
    "raysearch_nfe": "Network function evaluations executed.",
    "raysearch_reward_calls": "Previews scored.",
    "raysearch_recalled": "Moves answered by the journal.",
    "raysearch_rebuilt": "Lost states made again.",
}
POOL_COUNTERS = {
    "raysearch_busy_seconds": ("busy_s", "Seconds that replicas worked on calls that were answered."),
    "raysearch_restarts": ("restarts", "Replicas replaced."),
    "raysearch_drained": ("drained", "Replicas that left with their node, on notice."),
    "raysearch_retries": ("retries", "Calls sent again after a fault."),
    "raysearch_hedges": ("hedges", "Stragglers sent to a second replica."),
    "raysearch_hedges_won": ("hedges_won", "Stragglers that the second replica answered first."),
    "raysearch_mismatches": ("mismatches", "Stragglers of which both replicas answered, with different bits."),
    "raysearch_moved_states": ("moved_states", "Parent states moved between nodes."),
    "raysearch_moved_bytes": ("moved_bytes", "Bytes of parent states moved between nodes."),
}
POOL_GAUGES = {
    "raysearch_replicas": ("replicas", "Replicas the pool should have."),
    "raysearch_alive_replicas": ("alive", "Replicas with a loaded model."),
    "raysearch_busy_replicas": ("busy", "Replicas at work."),
    "raysearch_draining_replicas": ("draining", "Replicas on nodes about to leave."),
    "raysearch_queue_length": ("queue", "Calls that wait for a replica."),
}
GAUGES = {
    "raysearch_searches": "Searches in all.",
    "raysearch_searches_done": "Searches finished, failed ones included.",
    "raysearch_searches_failed": "Searches that failed.",
    "raysearch_best_reward": "Highest reward of any search so far.",
    "raysearch_mean_best_reward": "Mean over searches of the highest reward so far.",
}
HISTOGRAMS = {
    "raysearch_seconds_per_nfe": "Seconds of a generator per network evaluation of a Move, decoding included.",
    "raysearch_seconds_per_score": "Seconds of a reward replica per preview, all rewards together.",
}


class RayMetrics(Observer):
    """An observer that exports metrics through Ray.

    Args:
        run: Folder of the run, the value of the tag `run`.
        searches: Number of searches.
    """

    def __init__(self, run: str, searches: int):
        one, pool = ("run",), ("run", "pool")
        self._counters = {name: Counter(name, text, one) for name, text in COUNTERS.items()}
        self._counters |= {name: Counter(name, text, pool) for name, (_, text) in POOL_COUNTERS.items()}
        self._gauges = {name: Gauge(name, text, one) for name, text in GAUGES.items()}
        self._gauges |= {name: Gauge(name, text, pool) for name, (_, text) in POOL_GAUGES.items()}
        self._histograms = {name: Histogram(name, text, SECONDS, one) for name, text in HISTOGRAMS.items()}
        self._run, self._counted = {"run": run}, dict[tuple[str, str], float]()
        self._best: dict[str, float] = {}
        self._timed: set[str] = set()
        self._read = -math.inf
        self._searches = {"raysearch_searches": searches, "raysearch_searches_done": 0, "raysearch_searches_failed": 0}

    def on_outcome(self, task: Any, outcome: Any, recalled: bool) -> None:
        """Observe the seconds of a Move that was executed, and keep the best reward of its search."""
        if outcome.reward == outcome.reward:
            self._best[task.name] = max(self._best.get(task.name, outcome.reward), outcome.reward)
        if recalled or outcome.key in self._timed:  # several searches may share it
            return
        self._timed.add(outcome.key)
        cost = outcome.cost
        if cost.nfe:
            self._histograms["raysearch_seconds_per_nfe"].observe(cost.generate_s / cost.nfe, self._run)
        if cost.reward_calls:
            self._histograms["raysearch_seconds_per_score"].observe(cost.reward_s / cost.reward_calls, self._run)

    def on_finish(self, finished: Any) -> None:
        """Count the search as finished, or as failed."""
        self._searches["raysearch_searches_done"] += 1
        self._searches["raysearch_searches_failed"] += finished.result is None
        self._read = -math.inf  # the next reading may be the last

    def on_wait(self, ledger: Any, status: Mapping[str, Mapping[str, Any]]) -> None:
        """Bring counters and gauges up to date, at most once per second."""
        if time.monotonic() - self._read < EVERY_S:
            return
        self._read = time.monotonic()
        cost = ledger.cost
        for name, value in zip(
            COUNTERS, (ledger.executed, cost.nfe, cost.reward_calls, ledger.recalled, ledger.rebuilt), strict=True
        ):
            self._count(name, value)
        for pool, state in status.items():
            for name, (key, _) in POOL_COUNTERS.items():
                self._count(name, state.get(key, 0), pool)
            self._set({name: state[key] for name, (key, _) in POOL_GAUGES.items() if key in state}, pool)
        self._set(self._searches)
        if self._best:
            best = self._best.values()
            self._set({"raysearch_best_reward": max(best), "raysearch_mean_best_reward": sum(best) / len(best)})

    def _count(self, name: str, total: float, pool: str = "") -> None:
        """Bring a counter up to a total."""
        more = total - self._counted.get((name, pool), 0.0)
        if more > 0:
            self._counted[name, pool] = total
            self._counters[name].inc(more, self._run | ({"pool": pool} if pool else {}))

    def _set(self, values: Mapping[str, float], pool: str = "") -> None:
        for name, value in values.items():
            self._gauges[name].set(value, self._run | ({"pool": pool} if pool else {}))
