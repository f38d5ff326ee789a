"""`raysearch compare` and `raysearch export`: two runs side by side, and what a run found for other tools."""

from __future__ import annotations

import argparse
from pathlib import Path

from raysearch.commands.declaring import Declare, add_json, print_json, say
from raysearch.errors import UsageError

_COMPARE = """examples:
  raysearch compare runs/plain runs/guided
  raysearch compare runs/a runs/b --html a-b.html
  raysearch compare runs/a runs/b --json

Both runs must have prompts in common; differences are the second minus the first, paired by prompt, with 95 % intervals
(bootstrap over prompts). The page has the videos of both side by side and lies in the folder of the second run unless
--html says where."""

_EXPORT = """examples:
  raysearch export runs/demo --csv demo.csv
  raysearch export runs/demo --videos chosen/
  raysearch export runs/demo --videos all/ --all

The CSV has a row for each candidate: its prompt, whether it was chosen, every measure, what it cost, and its video.
--videos copies the chosen videos as PROMPT.mp4, and with --all the others that were kept as PROMPT-SLOT.mp4."""


def add(command: Declare) -> None:
    """Declare the commands of this file."""
    sub = command("compare", compare, "compare two runs of the same prompts: paired differences, videos side by side",
                  epilog=_COMPARE)  # fmt: skip
    sub.add_argument("first", metavar="RUN", help="folder of a finished run")
    sub.add_argument("second", metavar="RUN", help="folder of another, of the same prompts")
    sub.add_argument("--html", metavar="FILE", help="where the page goes")
    add_json(sub)
    sub = command("export", export, "write the candidates of a run as CSV, or copy its videos", epilog=_EXPORT)
    sub.add_argument("run", metavar="RUN", help="folder of a finished run")
    sub.add_argument("--csv", metavar="FILE", help="a row for each candidate; - for standard output")
    sub.add_argument("--videos", metavar="DIR", help="the chosen videos")
    sub.add_argument("--all", action="store_true", help="with --videos: all that were kept, not only the chosen")


def compare(args: argparse.Namespace) -> int:
    """Compare two runs and print the table."""
    say(f"reading {args.first} and {args.second}")
    from raysearch.report import compare as comparing
    from raysearch.report import compare_page, read

    found = comparing.compare(*(read(str(Path(run).expanduser())) for run in (args.first, args.second)))
    page = None
    if args.html or not args.json:
        name = f"compare-{found.names[0].replace('/', '-')}.html"
        page = Path(args.html) if args.html else found.b.folder / name
        compare_page.write(found, page)
    if args.json:
        print_json(found.json())
    else:
        print(f"{comparing.terminal(found)}\npage: {page}")
    return 0


def export(args: argparse.Namespace) -> int:
    """Write the CSV of a run, copy its videos, or both."""
    if not args.csv and not args.videos:
        raise UsageError("nothing to export: give --csv FILE, --videos DIR, or both")
    if args.all and not args.videos:
        raise UsageError("--all: says which videos are copied; give --videos DIR too")
    say(f"reading {args.run}")
    from raysearch import storage
    from raysearch.report import export as exporting
    from raysearch.report import read

    run = read(str(Path(args.run).expanduser()))
    if args.csv == "-":
        print(exporting.to_csv(run), end="")
    elif args.csv:
        storage.write(args.csv, exporting.to_csv(run))
        print(f"{len(exporting.rows(run))} candidates: {args.csv}")
    if args.videos:
        copied = exporting.videos(run, Path(args.videos), args.all)
        print(f"{len(copied)} videos: {args.videos}")
    return 0
