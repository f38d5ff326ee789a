"""`raysearch sweep`."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext, redirect_stdout

from raysearch.commands.declaring import Declare, add_json, say
from raysearch.commands.run import add_job

_SWEEP = """examples:
  raysearch sweep jobs/sweep_particles.yaml
  raysearch sweep jobs/demo.yaml particles=1,2,4,8,16 search=best_of_n,smc seed=0,1 run=runs/sweep

key=a,b,c is an axis of the grid, key=a an override; particles is search.n. Commas in brackets or quotes do not count.
A Move that two points share runs once. table.csv, sweep.json and sweep.html are in the folder that `run=` names as soon
as the first search has finished. To resume a sweep that was stopped, give the same command again."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("sweep", sweep, "run a grid of jobs over one journal: table and plot against N and NFE",
                  epilog=_SWEEP)  # fmt: skip
    add_job(sub)
    add_json(sub)


def sweep(args: argparse.Namespace) -> int:
    """Run a grid of jobs and print its table. Exit code 1 if a search failed."""
    say(f"checking {args.job}")
    from raysearch import storage, sweep
    from raysearch.sweep import files

    points = sweep.points(args.job, args.overrides, args.cluster)
    if not points[0].settings:
        print("raysearch: note: the grid has no axis, so it is a single point; write one as key=a,b, e.g. "
              "particles=1,2,4 or seed=0,1, or under `sweep:` in the job", file=sys.stderr)  # fmt: skip
    with redirect_stdout(sys.stderr) if args.json else nullcontext():  # what is told on the way is no JSON
        cells, failed = sweep.run(points)
    for cell in cells:
        if cell.error is not None:
            print(f"raysearch: {cell.name} failed: {cell.error}", file=sys.stderr)
    if args.json:
        print(storage.read(f"{points[0].job.run}/sweep.json").decode(), end="")
        return 1 if failed else 0
    print(files.terminal(cells))
    print(f"table and plot: {points[0].job.run}/table.csv, sweep.json, sweep.html")
    return 1 if failed else 0
