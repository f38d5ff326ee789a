"""For logs and pipes: a line per finished search, and one every few seconds between.

Of many searches only those that failed have a line of their own; the rest are counted, and at the end the slowest are
named, so that the log of 200 prompts can be read.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from raysearch.engine.task import Finished, Ledger
from raysearch.observe.progress import Progress, Status, Watched, coming, spell

EVERY_S, LATER_S = 10.0, 60.0  # between two lines, and once a run has taken so long that it will take longer
LONG_S = 300.0
NAMED = 3  # searches in work that a line names
MANY = 24  # with more searches than this, only failed ones have a line each


class Lines(Progress):
    """An observer that prints plain lines.

    Args:
        searches: How many there are.
        clock: Seconds, monotonic.
    """

    def __init__(self, searches: int, clock: Callable[[], float] = time.monotonic):
        super().__init__(searches, clock)
        self._printed = self.clock()

    def on_finish(self, finished: Finished) -> None:
        """Print the best reward of the search, or why it failed."""
        super().on_finish(finished)
        many = self.searches > MANY
        what = f"best reward {finished.result.winner.reward:.4f}" if finished.result else f"FAILED: {finished.error}"
        if not many or not finished.result:
            print(f"[{self.finished}/{self.searches}] {finished.task.name}: {what}", flush=True)
        if many and self.finished >= self.searches:
            print(self.ended(), flush=True)

    def on_wait(self, ledger: Ledger, status: Status) -> None:
        """Print the state of the run if the last such line is ten seconds old, or a minute in a long run."""
        super().on_wait(ledger, status)
        every = EVERY_S if self.clock() - self.began < LONG_S else LATER_S
        if self.finished < self.searches and self.clock() - self._printed > every:
            self._printed = self.clock()
            print(self.line(), flush=True)

    def ended(self) -> str:
        """How all searches ended: how many, their rewards, the failed, and those that took longest."""
        done = [s for s in self.seen.values() if s.end is not None and s.end.result is not None]
        failed = [s.name for s in self.seen.values() if s.end is not None and s.end.result is None]
        text = f"{len(done)} of {self.searches} searches finished"
        if best := sorted(s.best for s in done if s.best is not None):
            text += f", best rewards {best[0]:.4f} to {best[-1]:.4f}, median {statistics.median(best):.4f}"
        if failed:
            text += f"; {len(failed)} failed: {', '.join(failed[:NAMED])}" + ", ..." * (len(failed) > NAMED)
        slow = sorted(done, key=lambda s: s.took or 0.0, reverse=True)[:NAMED]
        return text + (f"; slowest: {', '.join(f'{s.name} {spell(s.took)}' for s in slow)}" if slow else "")

    def line(self) -> str:
        """Moves, searches, time left and pools; on a second line the first searches in work."""
        text = f"  {self.answered}/{self.asked} moves, {self.finished}/{self.searches} searches"
        text += f" ({self.failed} failed)" if self.failed else ""
        text += f", {self.ledger.cost.nfe} NFE at {self.rate:.3g}/s" if self.ledger.executed else ""
        left = self.left()
        text += "" if left is None else f", about {spell(left)} left"
        text += "".join(f"; {_pool(name, pool)}" for name, pool in self.status.items())
        working = [s for s in self.seen.values() if s.end is None]
        named = "; ".join(f"{_search(s)}, for {spell(self.clock() - s.began)}" for s in working[:NAMED])  # the oldest
        text += f"\n    {named}" if named else ""
        return text + (f"; {len(working) - NAMED} more in work" if len(working) > NAMED else "")


def _pool(name: str, pool: Mapping[str, Any]) -> str:
    not_yet = coming(pool)
    if not_yet and not pool["busy"]:  # nobody is idle: they load
        text = f"{pool['alive']:.0f}/{pool['replicas']:.0f} {name} ready"
    else:
        text = f"{pool['busy']:.0f}/{pool['replicas']:.0f} {name} busy"
    text += f", queue {pool['queue']:.0f}" if pool["queue"] else ""
    extras = [not_yet] if not_yet else []
    extras += [f"{pool[k]:.0f} {k}" for k in ("restarts", "retries", "hedges", "draining", "mismatches") if pool.get(k)]
    extras += [f"{pool['apart']:.0f} nodes keep their own states"] if pool.get("apart") else []
    return text + (f" ({', '.join(extras)})" if extras else "")


def _search(seen: Watched) -> str:
    text = f"{seen.name} round {seen.round}"
    text += "" if seen.ess is None else f", ESS {seen.ess:.1f}"
    return text + ("" if seen.best is None else f", best {seen.best:.4f}")
