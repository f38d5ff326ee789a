"""In a notebook: the table of the terminal as one output that is drawn anew, without widgets."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from html import escape
from importlib import import_module
from typing import Any

from rich.console import Console

from raysearch.engine.task import Ledger
from raysearch.observe.progress import Status
from raysearch.observe.screen import Screen

EVERY_S = 0.5
WIDTH, HEIGHT = 100, 20
KERNEL = "ZMQInteractiveShell"  # IPython's class in a notebook; the one of a terminal has another name


def here() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and type(ipython.get_ipython()).__name__ == KERNEL


class Notebook(Screen):
    """Observer whose table stands below the cell that runs.

    Args:
        searches: Number of searches.
        clock: Seconds, monotonic.
    """

    def __init__(self, searches: int, clock: Callable[[], float] = time.monotonic):
        super().__init__(searches, clock)
        shown: Any = import_module("IPython.display")  # it has no types
        self._html = shown.HTML
        self._output = shown.display(self._html(self._drawn()), display_id=True)
        self._last = clock()

    def on_wait(self, ledger: Ledger, status: Status) -> None:
        """Draw the table if the last one is half a second old."""
        super().on_wait(ledger, status)
        if self.clock() - self._last >= EVERY_S:
            self.draw()

    def draw(self) -> None:
        """Draw the table as it is now."""
        self._last = self.clock()
        self._output.update(self._html(self._drawn()))

    def _drawn(self) -> str:
        """The table as characters of one width."""
        file = io.StringIO()
        Console(file=file, width=WIDTH, height=HEIGHT, force_jupyter=False, force_terminal=False).print(self)
        return f'<pre style="line-height: 1.2">{escape(file.getvalue())}</pre>'
