"""`python -m benchmarks.mutants`: change the package in small ways and see that the tests notice each.

Every mutant of `lists/` is tried on a copy of the checkout: the tests named beside it must fail. Before that, they must
pass on the package as it is. What was tried is kept in build/mutants.jsonl, so that an interrupted run goes on; any
change of the package or of its tests makes all of it void. Exit code 1 if a mutant survives without an explanation.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks.mutants.bench import COPIED, Bench, Verdict, preload
from benchmarks.mutants.catalogue import ROOT, Mutant, broken, faults, read, rooms

KEPT = ROOT / "build/mutants.jsonl"


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("--only", metavar="ROOM", action="append", choices=rooms(), help="a list; may be repeated")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes at a time")
    given = parser.parse_args(words)
    chosen = given.only or rooms()
    mutants = [mutant for room in chosen for mutant in read(room)]
    wrong = [*faults(mutants), *broken(mutants)]
    if wrong:
        print(*wrong, sep="\n", file=sys.stderr)
        return 1
    verdicts = tried(mutants, max(1, given.jobs))
    if verdicts is None:
        return 1
    print(table(verdicts))
    return int(any(not v.killed and not m.lives for m, v in verdicts.items()))


def tried(mutants: Sequence[Mutant], jobs: int) -> dict[Mutant, Verdict] | None:
    """The verdict on each mutant; None where tests fail on the package as it is."""
    state, known = _state(), _kept()
    preload()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, Progress(console=Console(stderr=True)) as bar:
        benches: queue.Queue[Bench] = queue.Queue()
        for k in range(jobs):
            benches.put(Bench(Path(folder) / str(k)))

        def judged(tests: tuple[str, ...], mutant: Mutant | None = None) -> Verdict:
            key = _digest([state, list(tests), mutant and asdict(mutant)])
            if key not in known:
                bench = benches.get()
                try:
                    known[key] = bench.judge(tests, mutant)
                finally:
                    benches.put(bench)
                _keep(key, known[key])
            return known[key]

        with ThreadPoolExecutor(jobs) as pool:
            named = {test for m in mutants for test in m.tests}
            whole = [judged(tuple(sorted(named)))]  # compiles all of it for what follows
            if failed := [v for v in whole if v.killed]:
                print(f"these tests fail on the package as it is: {failed[0].by}", file=sys.stderr)
                return None
            todo = {pool.submit(judged, m.tests, m): m for m in mutants}
            task, verdicts = bar.add_task("mutants", total=len(todo)), {}
            for future in as_completed(todo):
                verdicts[todo[future]] = future.result()
                alive = sum(not v.killed for v in verdicts.values())
                bar.update(task, advance=1, description=f"{alive} alive")
    return {m: verdicts[m] for m in mutants}


def table(verdicts: dict[Mutant, Verdict]) -> str:
    """What came of it, room by room, and every mutant that survives."""
    lines = [f"{'room':<14} {'mutants':>7} {'killed':>7} {'survive':>7} {'explained':>9} {'seconds':>8}"]
    names = dict.fromkeys(m.room for m in verdicts)
    for room in (*names, "all"):
        of = {m: v for m, v in verdicts.items() if room in (m.room, "all")}
        alive = [m for m, v in of.items() if not v.killed]
        explained, seconds = sum(bool(m.lives) for m in alive), sum(v.seconds for v in of.values())
        lines.append(
            f"{room:<14} {len(of):>7} {len(of) - len(alive):>7} {len(alive):>7} {explained:>9} {seconds:>8.0f}"
        )
    share = sum(v.killed for v in verdicts.values()) / len(verdicts)
    lines.append(f"{share:.1%} killed")
    for m, v in verdicts.items():
        if not v.killed:
            lines.append(f"survives: {m}" + (f"\n          because {m.lives}" if m.lives else "  UNEXPLAINED"))
        elif m.lives:
            lines.append(f"killed, although the list explains why it cannot be: {m} by {v.by}")
    return "\n".join(lines)


def _state() -> str:
    """A digest of everything that the tests run."""
    digest = hashlib.sha256()
    for path in sorted(p for part in COPIED for p in _files(ROOT / part)):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    left_out = ("__pycache__", "weights", "mutants")
    return (p for p in folder.rglob("*") if p.is_file() and not set(left_out) & set(p.relative_to(ROOT).parts))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _kept() -> dict[str, Verdict]:
    lines = KEPT.read_text().splitlines() if KEPT.is_file() else []
    return {entry["key"]: Verdict(**entry["verdict"]) for entry in map(json.loads, lines)}


def _keep(key: str, verdict: Verdict) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a") as file:
        file.write(json.dumps({"key": key, "verdict": asdict(verdict)}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
