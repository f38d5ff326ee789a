"""`raysearch`: the command line. Its commands stand in raysearch/commands; each calls one function of the library.

A mistake that the user can correct is one line on standard error and exit code 2. Where a part of the work failed the
exit code is 1; docs/observability.md has the table. Heavy libraries are imported inside the commands that need them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from raysearch import __version__
from raysearch.errors import PartFailedError, UsageError
from raysearch.names import lookup
from raysearch.stopping import Terminated, orderly

if TYPE_CHECKING:
    from raysearch.commands.declaring import Function


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The words after `raysearch`; those of this process if None.

    Returns:
        The exit code: 0 success, 1 something failed, 2 a mistake of the user, 130 or 143 stopped by a signal, 141 if
        the reader of standard output went away.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        args = _parse(argv)
        _same_version()
        with orderly():
            function: Function = args.command
            return function(args)
    except UsageError as error:
        print(f"raysearch: {error}", file=sys.stderr)
        return 1 if isinstance(error, PartFailedError) else 2
    except ModuleNotFoundError as error:
        if "RAYSEARCH_VERSION" not in os.environ:
            raise
        print(
            f"raysearch: the Python of the cluster ({sys.executable}) has no {error.name}; its image needs what "
            "raysearch needs (docs/clusters.md, The image)", file=sys.stderr,
        )  # fmt: skip
        return 2
    except Terminated:
        print("raysearch: stopped by SIGTERM; give the same command again to resume", file=sys.stderr)
        return 143
    except KeyboardInterrupt:
        print("raysearch: stopped; give the same command again to resume", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _same_version() -> None:
    """Check that a submitted job runs in the version of raysearch that checked it."""
    expected = os.environ.get("RAYSEARCH_VERSION", __version__)
    if expected != __version__:
        raise UsageError(
            f"raysearch {__version__} is installed here, but {expected} submitted this job; install that one in the "
            "image, or set cluster.submit.ship=true, which sends it along"
        )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """argparse takes key=value words only before the first option; here they may stand anywhere."""
    parser, commands = _parser()
    words = sys.argv[1:] if argv is None else argv
    if words and not words[0].startswith("-"):
        lookup("command", words[0], commands)
    args, rest = parser.parse_known_args(argv)
    args.parser = parser  # for `raysearch completion`
    if rest and (not hasattr(args, "overrides") or any(w.startswith("-") or "=" not in w for w in rest)):
        commands[words[0]].error(f"unrecognized arguments: {' '.join(rest)}")
    elif rest:
        args.overrides = [*args.overrides, *rest]
    return args


def _parser() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """The parser, and that of each command; imported here, so that `main` can say what a Python lacks."""
    from raysearch.commands import TOPICS

    parser = argparse.ArgumentParser(
        prog="raysearch",
        description="Test-time search that makes video diffusion models obey physics: Ray actors generate candidates, "
        "a pool of reward actors scores them with the world model V-JEPA 2, and a search keeps the best.",
        epilog="Start with:  raysearch run demo     and then:  raysearch init",
    )
    parser.add_argument("--version", action="version", version=f"raysearch {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, function: Function, text: str, *, epilog: str | None = None) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter, epilog=epilog,
        )  # fmt: skip
        sub.set_defaults(command=function)
        return sub

    for topic in TOPICS:
        topic.add(add)
    return parser, commands.choices


if __name__ == "__main__":
    sys.exit(main())
