"""For a terminal: how far the run is, the pools and the searches in work, drawn in place.

It fits any window: where there is no room, columns of least use go first, and searches that are done or waiting are
counted instead of listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from raysearch.observe.progress import Progress, Watched, coming, spell

AT_LEAST = 3  # searches that are listed in the lowest window
SLIM, NARROW, WIDE = 40, 64, 96  # columns of text
TROUBLES = ("restarts", "retries", "hedges")  # shown where an executor counts them ...
RARE = ("draining", "mismatches")  # ... and these once there are any
NUMBERS = {"round": 5, "moves": 7, "ESS": 5, "best reward": 11, "left": 7}  # columns of a search, with their width


class Screen(Progress):
    """Observer that rich draws."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.size.height
        left = self.left()
        yield self._bars(width)
        yield Text(self._times(left), no_wrap=True, overflow="ellipsis")
        pools = self._pools(width)
        yield pools
        yield from self._searches(width, max(AT_LEAST, height - pools.row_count - 7), left)

    def _bars(self, width: int) -> Table:
        """Searches done, and NFE done of those planned (or Moves of those asked for, where nobody plans)."""
        planned = self.planned
        rows = [("searches", self.finished, self.searches, f", {self.failed} failed" if self.failed else "")]
        rows.append(("NFE", self.nfe, planned, "") if planned else ("moves", self.answered, self.asked, ""))
        table = Table.grid(padding=(0, 1, 0, 0))
        for what, done, of, more in rows:
            bar = ProgressBar(total=max(of, 1), completed=done, width=min(40, width - SLIM))
            table.add_row(f"[bold]{what}", *([bar] if width > SLIM + 8 else []), f"{done:,}/{of:,}{more}")
        return table

    def _times(self, left: float | None) -> str:
        line = f"elapsed {spell(self.clock() - self.began)}"
        line += f", about {spell(left)} left" if left else ""
        line += f", {self.rate:.3g} NFE/s" if self.ledger.executed else ""
        line += f", {self.ledger.recalled:,} moves recalled" if self.ledger.recalled else ""
        return line + "".join(f"; {name}: {text}" for name, p in dict(self.status).items() if (text := coming(p)))

    def _pools(self, width: int) -> Table:
        status = dict(self.status)
        shown = [k for k in TROUBLES if k == "restarts" or any(k in p for p in status.values())]
        shown += [k for k in RARE if any(p.get(k) for p in status.values())]
        shown, use = (shown, ["use"]) if width >= NARROW else ([], [])
        heads = ["pool", "alive", "busy", "queue", *shown, *use]
        table = _table(heads, right=heads[1:])
        for name, pool in status.items():
            row = [name, f"{pool['alive']:.0f}/{pool['replicas']:.0f}", f"{pool['busy']:.0f}", f"{pool['queue']:.0f}"]
            row += [f"{pool[k]:.0f}" if k in pool else "" for k in shown]
            table.add_row(*row, *(self._use(pool) for _ in use))
        return table

    def _use(self, pool: Any) -> str:
        """Share of the time that replicas have worked, of the time since the models were loaded."""
        worked = self.worked()
        return f"{100 * min(pool['busy_s'] / (pool['replicas'] * worked), 1):.0f} %" if worked > 0 else "-"

    def _searches(self, width: int, room: int, left: float | None) -> RenderResult:
        """In work first, then the failed, then the latest done; the rest in a line."""
        seen = list(self.seen.values())
        working = [s for s in seen if s.end is None]
        failed = [s for s in seen if s.end is not None and s.end.result is None]
        done = [s for s in seen if s.end is not None and s.end.result is not None]
        shown = (working + failed + done[::-1])[:room]
        least = {"moves": WIDE, "ESS": SLIM if any(s.ess is not None for s in shown) else 10**9, "left": NARROW}
        numbers = [n for n in NUMBERS if width >= least.get(n, 0)]
        heads = ["search", *numbers, *([""] if width >= SLIM else [])]
        room = max(8, width - sum(NUMBERS[n] + 2 for n in numbers) - 4)  # of the name and the state
        states = max((len(_state(s)) for s in shown), default=0) if width >= SLIM else 0
        names = max(room - states, room // 2)
        table = _table(heads, right=numbers[1:])
        for s in shown:
            cells: dict[str, Text | str] = {
                "search": Text(_middle(s.name, names)), "round": s.round, "moves": f"{s.answered}/{s.moves}",
                "ESS": "-" if s.ess is None else f"{s.ess:.1f}",
                "best reward": "-" if s.best is None else f"{s.best:.4f}",
                "left": "" if s.end else spell(self.left_of(s, left)), "": _short(_state(s), room - names),
            }  # fmt: skip
            table.add_row(*(cells[h] for h in heads))
        yield table
        if rest := self._rest(working, failed, done, shown):
            yield Text(rest, no_wrap=True, overflow="ellipsis")

    def _rest(self, working: Sequence[Any], failed: Sequence[Any], done: Sequence[Any], shown: Sequence[Any]) -> str:
        """`… and 188 more: 120 done, 68 waiting`, or nothing."""
        listed = {id(s) for s in shown}
        groups = ((working, "in work"), (failed, "failed"), (done, "done"))
        counts = [(sum(id(s) not in listed for s in group), what) for group, what in groups]
        counts.append((max(self.searches - len(working) - len(failed) - len(done), 0), "waiting"))
        text = ", ".join(f"{n} {what}" for n, what in counts if n)
        return f"… and {sum(n for n, _ in counts)} more: {text}" if text else ""


def _table(heads: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head in right else "left", no_wrap=True, overflow="ellipsis")
    return table


def _middle(text: str, width: int) -> str:
    """The text with what does not fit left out in the middle: names differ at both ends."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[-end:]}"


def _short(text: Text, width: int) -> Text:
    text.truncate(max(width, 1), overflow="ellipsis")
    return text


def _state(seen: Watched) -> Text:
    if seen.end is None:
        filming = seen.number == seen.rounds and seen.answered >= seen.moves
        return Text("finishing" if filming else "")
    return Text("done", "green") if seen.end.result else Text(f"failed: {seen.end.error}", "red")
