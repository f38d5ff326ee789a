"""One table for every kind of fuzzing: how often each verdict was given, and examples of those that must not be."""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.fuzz.forks import Ended

VERDICTS = ("right", "clear", "traceback", "hang", "crash", "silently wrong")
GOOD = ("right", "clear")
SHARE = 0.05  # of the inputs, those that a fresh interpreter is given as well
AGAIN = "again, in a fresh interpreter"


class Table:
    """Verdicts by kind of input, with a few examples of each bad one."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.examples: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, kind: str, verdict: str, example: str = "", shown: bool = False) -> None:
        """Count one input. verdict: one of VERDICTS; shown: a bad one goes to standard error at once."""
        self.counts[kind][verdict] += 1
        if verdict not in GOOD:
            if shown:
                print(f"{kind}: {verdict}: {example}", file=sys.stderr, flush=True)
            if len(self.examples[kind, verdict]) < 5:
                self.examples[kind, verdict].append(example)

    def again(self, first: tuple[str, Ended], second: tuple[str, Ended], example: str = "") -> None:
        """Count an input that was judged in a fork and then in a fresh interpreter; both must have come to the same."""
        (verdict, ended), (other, anew) = first, second
        same = (verdict, ended.code, ended.lines) == (other, anew.code, anew.lines)
        told = f"{example}: fork: {verdict}, {ended.code}, {ended.said[-600:]}"
        told += f"; fresh interpreter: {other}, {anew.code}, {anew.said[-600:]}"
        self.add(AGAIN, other if same or other not in GOOD else "silently wrong", told, shown=True)

    @property
    def bad(self) -> int:
        """How many inputs got a verdict that must not be."""
        return sum(n for counts in self.counts.values() for verdict, n in counts.items() if verdict not in GOOD)

    def text(self) -> str:
        """The table and the examples, for a terminal."""
        lines = [f"{'kind':<32}" + "".join(f"{v:>16}" for v in VERDICTS)]
        for kind, counts in sorted(self.counts.items()):
            lines.append(f"{kind:<32}" + "".join(f"{counts[v]:>16}" for v in VERDICTS))
        for (kind, verdict), examples in sorted(self.examples.items()):
            lines += [f"\n{verdict}, {kind}:", *(f"  {e}" for e in examples)]
        return "\n".join(lines)


def sampled(seed: int, number: int, share: float) -> bool:
    """Whether this input is one of the share that a fresh interpreter is given as well."""
    return random.Random(f"fresh {seed} {number}").random() < share


def command(fuzz: Callable[..., Table], about: str, counts: Mapping[str, int], part: str) -> int:
    """The command line of a fuzzer: judge inputs made from `--seed` and print the table.

    Args:
        fuzz: takes the numbers of inputs by their names, and `seed`.
        about: the text of `--help`.
        counts: for each number of inputs, its name and what it is if the command line does not say.
        part: under which name `--json` keeps the table.

    Returns:
        The exit code, 1 if an input got a verdict that must not be.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, count in counts.items():
        parser.add_argument(f"--{name}", type=int, default=count, help="number of inputs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help=f"keep the table in this file, as {part}")
    options = vars(parser.parse_args())
    kept = options.pop("json")
    table = fuzz(**options)
    print(table.text())
    if kept:
        keep(kept, part, table, options)
    return 1 if table.bad else 0


def keep(file: Path, part: str, table: Table, options: Mapping[str, int]) -> None:
    """Put a table into a JSON file beside those of the other parts."""
    parts: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    rows = {kind: {v: counts[v] for v in VERDICTS} for kind, counts in sorted(table.counts.items())}
    parts[part] = {"options": dict(options), "rows": rows}
    file.write_text(json.dumps(parts, indent=1) + "\n")
