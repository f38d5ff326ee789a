"""`python -m benchmarks.magi`: gates of the tiny MAGI-1, and searches over chunks at equal evaluations and seconds.

Errors are px by chunk of the balls from where they truly are; a ball that is not there counts 16. Intervals: bootstrap
over scenes, 95 %. Choice is by the shipped V-JEPA 2, by the truth, and at random. What was stopped goes on where it
was: every scene is a line in --rows. Writes benchmarks/magi.json and a section of docs/magi1.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks.magi.rows import measured, texts
from benchmarks.magi.tables import section, tables

PAGE, BEGIN, END = Path("docs/magi1.md"), "<!-- magi: written by `make magi` -->", "<!-- /magi -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.magi", description=__doc__)
    parser.add_argument("--model", default="tiny-magi", help="or a folder of training (default: %(default)s)")
    parser.add_argument("--scenes", type=int, default=64, help="held-out scenes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=Path, default=Path("runs/magi/rows.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/magi.json"))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--dry", action="store_true", help="print the section, write nothing but --rows")
    args = parser.parse_args()
    for rows in measured(args.model, args.scenes, args.seed, args.rows, args.workers):
        print(f"\r{len(rows)}/{args.scenes} scenes", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    found = tables(rows, texts(args.model))
    print(section(found))
    if not args.dry:
        args.out.write_text(json.dumps(found, indent=1) + "\n")
        page = PAGE.read_text()
        before, after = page.partition(BEGIN)[0], page.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{section(found)}\n{END}{after}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
