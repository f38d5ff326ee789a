"""`raysearch completion`: the script that lets a shell complete commands, options, files and built-in jobs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from raysearch.commands.declaring import Declare

FILES = ("FILE", "FOLDER", "RUN", "VIDEO", "PATH", "DIR", "CSV", "JSON", "OUT")  # metavars that a file stands for
NAMED = ("job", "run", "id")  # arguments without a metavar that may be a file
_COMPLETION = """examples:
  eval "$(raysearch completion bash)"                                   # in this shell, or in ~/.bashrc
  raysearch completion zsh > "${fpath[1]}/_raysearch"                   # then start a new zsh
  raysearch completion tcsh > ~/.raysearch.tcsh                         # and `source` it in ~/.tcshrc"""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("completion", completion, "print the script with which a shell completes raysearch",
                  epilog=_COMPLETION)  # fmt: skip
    sub.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="which shell")


def completion(args: argparse.Namespace) -> int:
    """Print the completion script of a shell, made by shtab from the parser itself."""
    import shtab

    for action in _actions(args.parser):
        if action.metavar in FILES or action.dest in NAMED:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(args.parser, shell=args.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument of a parser and of its commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from _actions(sub)
        else:
            yield action
