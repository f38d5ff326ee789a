"""How a topic of the command line declares its commands."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, Protocol

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


def say(text: str) -> None:
    """Tell a person at once what is being done before the first result; nothing where standard error is a file."""
    if sys.stderr.isatty():
        print(f"raysearch: {text} ...", file=sys.stderr, flush=True)


def add_json(sub: argparse.ArgumentParser) -> None:
    """The option --json of a command that prints a table."""
    sub.add_argument("--json", action="store_true", help="print JSON instead of text")


def print_json(value: Any) -> None:
    """Print plain values as JSON; NaN and infinities, which JSON lacks, as `raysearch.moves.encode` writes them."""
    from raysearch.moves import encode

    print(json.dumps(encode(value), indent=1, allow_nan=False))
