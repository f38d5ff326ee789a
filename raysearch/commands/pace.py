"""The flags of commands that estimate: how fast a replica is, and on which GPU."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raysearch.runs.plan import Pace

UNKNOWN = float("nan")


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
    value = float(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text}: seconds cannot be negative")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: a share is above 0 and at most 1")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1")
    return value
