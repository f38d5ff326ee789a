"""`make results`: what every search and every verifier is worth on the tiny pair; writes docs/results.md.

Two hours on two quiet cores from nothing. What was stopped goes on where it was: every search is a line in `--rows`.
The rows behind the page are there: `xz -dc benchmarks/results/rows.jsonl.xz > rows.jsonl`, then `--rows rows.jsonl`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.results import page, tables
from benchmarks.results.arms import ARMS, FIRST_ARMS
from benchmarks.results.collect import Row, collect, time_arms


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("--scenes", type=int, default=64, help="held-out scenes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs", nargs="+", default=["tiny"], metavar="FOLDER",
                        help="trainings of the pair: `tiny`, and folders of raysearch.tinyworld.train")  # fmt: skip
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS), metavar="ARM",
                        help=f"which of: {', '.join(ARMS)} (default: all)")  # fmt: skip
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--rows", type=Path, default=Path("runs/results/rows.jsonl"))
    parser.add_argument("--as-is", action="store_true", help="make the page of what is there, search nothing")
    args = parser.parse_args()
    rows: list[Row] = []
    workers = 0 if args.as_is else args.workers
    for arms in ([arm for arm in args.arms if arm in FIRST_ARMS], args.arms):
        for done, wanted, found in collect(args.rows, args.pairs, args.scenes, arms, args.seed, workers):
            rows = found
            print(f"\r{done}/{wanted} scenes: {', '.join(arms)}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
    rows += time_arms(args.rows, args.pairs, args.seed, make=not args.as_is)
    print(page.write(tables.tables(rows), Path("docs")))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
