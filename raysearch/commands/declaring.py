"""How a topic of the command line declares its commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Protocol

Function = Callable[[argparse.Namespace], int]  # from the parsed arguments to the exit code


class Declare(Protocol):
    """Adds one command to the parser of `raysearch`; every topic's `add` is given it."""

    def __call__(
        self, name: str, function: Function, text: str, *, epilog: str | None = None
    ) -> argparse.ArgumentParser:
        """Declare a command.

        Args:
            name: What a user types after `raysearch`.
            function: What the command does; it returns the exit code.
            text: One line of help, in lower case and without a full stop.
            epilog: Examples and remarks below the options.

        Returns:
            The parser of the command, for its arguments.
        """
