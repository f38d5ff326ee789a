"""The flags of commands that estimate: how fast a replica is, and on which GPU."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from raysearch.runs.plan import Pace

UNKNOWN = math.nan
N = TypeVar("N", int, float)


def add_pace(sub: argparse.ArgumentParser) -> None:
    """Declare the flags. Without any of them, seconds are computed from what the models compute."""
    sub.add_argument(
        "--gpu", default="H100", metavar="NAME", help="GPU that the seconds are computed for (default: H100)"
    )
    sub.add_argument(
        "--mfu", type=_share, default=0.45, metavar="SHARE", help="share of its peak that a network reaches (default: "
        "%(default)s)",
    )  # fmt: skip
    sub.add_argument(
        "--gpus-per-node", type=_positive, default=8, metavar="N", help="GPUs of a machine (default: %(default)s)"
    )
    sub.add_argument("--from", dest="run", metavar="RUN", help="take the seconds per call from the journal of this run")
    sub.add_argument(
        "--seconds-per-nfe", type=_seconds, metavar="S", help="seconds of one network evaluation on one replica"
    )
    sub.add_argument("--seconds-per-decode", type=_seconds, metavar="S", help="seconds of one preview")
    sub.add_argument(
        "--seconds-per-score", type=_seconds, metavar="S", help="seconds of one score on one reward replica"
    )


def given(args: argparse.Namespace) -> Pace | None:
    """The seconds that are measured or given, NaN where neither; None if nothing is."""
    from raysearch.runs.plan import Pace, measured

    flags = (args.seconds_per_nfe, args.seconds_per_decode, args.seconds_per_score)
    if args.run is None and all(flag is None for flag in flags):
        return None
    known = measured(args.run) if args.run else Pace(UNKNOWN, UNKNOWN, UNKNOWN)
    seen = (known.evaluation_s, known.decode_s, known.score_s)
    return Pace(*(old if flag is None else flag for old, flag in zip(seen, flags, strict=True)))


def _seconds(text: str) -> float:
    return _number(float, text, lambda value: 0 <= value < math.inf, "give a number of seconds, 0 or more")


def _share(text: str) -> float:
    return _number(float, text, lambda value: 0 < value <= 1, "give a share above 0, up to 1")


def _positive(text: str) -> int:
    return _number(int, text, lambda value: value >= 1, "give a whole number, 1 or more")


def _number(kind: Callable[[str], N], text: str, right: Callable[[N], bool], remedy: str) -> N:
    """A number of the command line; argparse tells the remedy for another one, and for what is no number."""
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not right(value):
        raise argparse.ArgumentTypeError(f"{text}: {remedy}")
    return value
