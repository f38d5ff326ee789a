"""How far it is from a command to its first Move: functions of raysearch entered, and climbs back up the stack.

    python -m benchmarks.path_to_first_move [JOB] [key=value ...] [--list]

A reader who follows a job from `raysearch run` to the first `executor.submit` visits each function once, when it is
first entered. A stop is such a visit; a return is a stop that is no deeper than the one before it; a climb is one that
is less deep. Of rooms that do one thing for the job (rewards, generators, journal, observers ...) the function that is
called from outside is a stop, and what happens behind it is not. All functions entered are counted beside them.
"""

from __future__ import annotations

import argparse
import inspect
import operator
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import raysearch
from raysearch import cli
from raysearch.executors.inline import Inline

ROOT = str(Path(raysearch.__file__).parent)
CARRYING = ("cli.py", "commands/", "config/", "runs/", "engine/coordinator.py")  # rooms that hand the job on
JOB = ["prompts.heldout=1", "search.n=2", "cluster.executor=inline", "films=none"]


class FirstMove(BaseException):
    """Raised at the first submit, to end the run there."""


@dataclass
class Path_:
    """The functions visited, in the order of their first entry, each with its depth in the stack."""

    stops: list[tuple[str, int]] = field(default_factory=list)
    functions: set[Any] = field(default_factory=set)
    entries: int = 0

    def watch(self, frame: FrameType, event: str, argument: object) -> None:
        """The profile function: counts entries of functions of raysearch."""
        if event != "call" or not is_function(frame):
            return
        new = frame.f_code not in self.functions
        self.functions.add(frame.f_code)
        self.entries += 1
        callers = stack(frame.f_back)
        if new and all(place(f).startswith(CARRYING) for f in callers):
            self.stops.append((f"{place(frame)}:{frame.f_code.co_name}", len(callers)))

    def compared(self, less: Callable[[int, int], bool]) -> int:
        """How many stops are less deep than the one before, by the given comparison of depths."""
        return sum(less(b[1], a[1]) for a, b in zip(self.stops, self.stops[1:], strict=False))


def is_function(frame: FrameType) -> bool:
    """Whether a frame is a named function of raysearch: no lambda, comprehension, class body or module."""
    code = frame.f_code
    named = not code.co_name.startswith("<") and code.co_flags & inspect.CO_OPTIMIZED
    return code.co_filename.startswith(ROOT) and bool(named)


def place(frame: FrameType) -> str:
    """The file of a function, relative to the package."""
    return frame.f_code.co_filename[len(ROOT) + 1 :]


def stack(frame: FrameType | None) -> list[FrameType]:
    """The functions of raysearch on the stack, innermost first."""
    found = []
    while frame is not None:
        if is_function(frame):
            found.append(frame)
        frame = frame.f_back
    return found


def follow(words: list[str]) -> Path_:
    """Run a job up to its first Move and return the way it took."""
    path, submit = Path_(), Inline.submit

    def stop(self: Inline, job: Any) -> int:
        sys.setprofile(None)
        raise FirstMove

    Inline.submit = stop  # type: ignore[method-assign]
    try:
        args = cli._parse(["run", *words])
        sys.setprofile(path.watch)
        args.command(args)
    except FirstMove:
        pass
    finally:
        sys.setprofile(None)
        Inline.submit = submit  # type: ignore[method-assign]
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", nargs="?", default="jobs/demo.yaml")
    parser.add_argument("overrides", nargs="*", default=[])
    parser.add_argument("--list", action="store_true", help="print every stop with its depth")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = follow([args.job, *JOB, f"run={folder}/run", *args.overrides])
    if args.list:
        for name, at in path.stops:
            print(f"{'  ' * at}{name}")
    climbs, returns = path.compared(operator.lt), path.compared(operator.le)
    print(
        f"{len(path.stops)} stops, {climbs} climbs, {returns} returns; in all {len(path.functions)} functions, "
        f"entered {path.entries} times"
    )


if __name__ == "__main__":
    main()
