"""What one sees while a run goes on: a live table on a terminal, plain lines elsewhere. Observers change nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from raysearch.coordinator import Finished, Ledger, Task
from raysearch.moves import Outcome, Round

LINE_EVERY_S = 10.0


class Progressing:
    """State of all searches, kept by events; `Lines` and `Screen` show it."""

    def __init__(self, searches: int):
        self.searches, self.finished, self.asked, self.answered, self.recalled = searches, 0, 0, 0, 0
        self.best: dict[str, float] = {}
        self.rounds: dict[str, int] = {}
        self.ends: dict[str, Finished] = {}
        self.status: dict[str, dict[str, float]] = {}
        self.began = time.monotonic()

    def on_round(self, task: Task, number: int, round: Round) -> None:
        self.asked += len(round.moves)
        self.rounds[task.name] = number

    def on_outcome(self, task: Task, outcome: Outcome, recalled: bool) -> None:
        self.answered += 1
        self.recalled += recalled
        if outcome.reward == outcome.reward:
            self.best[task.name] = max(self.best.get(task.name, -9e9), outcome.reward)

    def on_finish(self, finished: Finished) -> None:
        self.finished += 1
        self.ends[finished.task.name] = finished

    def on_wait(self, ledger: Ledger, status: dict[str, dict[str, float]]) -> None:
        self.status = status


class Lines(Progressing):
    """For logs: a line per finished search, and one every few seconds between."""

    def __init__(self, searches: int):
        super().__init__(searches)
        self._told = time.monotonic()

    def on_finish(self, finished: Finished) -> None:
        super().on_finish(finished)
        what = f"best reward {finished.result.winner.reward:.4f}" if finished.result else f"FAILED: {finished.error}"
        print(f"[{self.finished}/{self.searches}] {finished.task.name}: {what}", flush=True)

    def on_wait(self, ledger: Ledger, status: dict[str, dict[str, float]]) -> None:
        super().on_wait(ledger, status)
        if time.monotonic() - self._told > LINE_EVERY_S:
            self._told = time.monotonic()
            pools = ", ".join(
                f"{s['busy']:.0f}/{s['replicas']:.0f} {pool} busy"
                + (f" ({s['restarts']:.0f} restarts)" * bool(s["restarts"]))
                for pool, s in status.items()
            )
            print(
                f"  {self.answered}/{self.asked} moves, {self.finished}/{self.searches} searches; {pools}", flush=True
            )


class Screen(Progressing):
    """For a terminal: progress, pools and the searches in work, drawn in place."""

    def __init__(self, searches: int):
        super().__init__(searches)
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._moves, self._searches = (
            self._bar.add_task("moves", total=None),
            self._bar.add_task("searches", total=searches),
        )

    def __rich__(self) -> Group:
        self._bar.update(self._moves, completed=self.answered, total=max(self.asked, 1))
        self._bar.update(self._searches, completed=self.finished)
        return Group(self._bar, self._pools(), self._table())

    def _pools(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("pool", "replicas", "busy", "queue", "restarts", "busy s"):
            table.add_column(column, justify="left" if column == "pool" else "right")
        for pool, s in self.status.items():
            alive = f"{s['alive']:.0f}/{s['replicas']:.0f}"
            table.add_row(
                pool, alive, f"{s['busy']:.0f}", f"{s['queue']:.0f}", f"{s['restarts']:.0f}", f"{s['busy_s']:.1f}"
            )
        return table

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("search", "round", "best reward", ""):
            table.add_column(column)
        for name in list(self.rounds)[-12:]:
            end = self.ends.get(name)
            state = "" if end is None else "[green]done" if end.result else f"[red]{end.error}"
            best = f"{self.best[name]:.4f}" if name in self.best else "-"
            table.add_row(name, str(self.rounds[name]), best, state)
        return table


@contextmanager
def watching(searches: int) -> Iterator[Progressing]:
    """The observer that fits where the output goes."""
    if not sys.stdout.isatty():
        yield Lines(searches)
        return
    screen = Screen(searches)
    with Live(screen, console=Console(), refresh_per_second=4, transient=False):
        yield screen
