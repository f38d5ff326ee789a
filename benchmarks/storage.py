"""Requests of a run folder on S3: a run, the same command again, its report, a sweep and a challenge on a real server.

The server is on the loopback interface and counts. The table goes into benchmarks/storage.json and between its marks in
docs/engine.md. Needs the extra storage-tests.

    python -m benchmarks.storage
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from examples.object_store import BUCKET, Server, serving

ROOT = Path(__file__).parents[1]
JSON, PAGE = ROOT / "benchmarks/storage.json", ROOT / "docs/engine.md"
MARKS = "<!-- made by python -m benchmarks.storage -->\n", "<!-- end -->"
KINDS = ("put", "get", "head", "list", "delete")
CLOCKWORK = (
    "generator={name: 'examples.clockwork:load', model: clockwork, steps: 8, fps: 8}", "reward=motion", "watch=[]",
    "prompts={items: [a ball, two balls], heldout: 0}", "cluster.executor=inline",
)  # fmt: skip
SMC, SMALL = "search={name: smc, n: 12}", ("search.n=2", "challenge.strategies=[]", "cluster.executor=inline")
ROWS: Mapping[str, tuple[str, ...]] = {
    "run: SMC, 2 prompts": ("run", "demo", *CLOCKWORK, SMC, "run=s3://bucket/a"),
    "the same command again": ("run", "demo", *CLOCKWORK, SMC, "run=s3://bucket/a"),
    "its report": ("report", "s3://bucket/a"),
    "its interim report": ("report", "s3://bucket/a", "--partial"),
    "sweep: best-of-n at 1, 2, 4, 8": ("sweep", "demo", *CLOCKWORK, "run=s3://bucket/s", "search.n=1,2,4,8"),
    "challenge: 1 view": ("challenge", "challenge_tiny", "--limit", "1", *SMALL, "run=s3://bucket/c"),
}


def main() -> None:
    """Run every row once on one server and write the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as server:
        rows = []
        for name, words in ROWS.items():
            rows.append(counted(server, name, words))
            write(rows)
    print(table(rows))


def write(rows: list[dict[str, Any]]) -> None:
    """Write the rows that there are into the file and the page."""
    JSON.write_text(json.dumps(rows, indent=1) + "\n")
    before, _, rest = PAGE.read_text().partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    PAGE.write_text(before + MARKS[0] + "\n" + table(rows) + "\n\n" + MARKS[1] + after)


def counted(server: Server, name: str, words: tuple[str, ...]) -> dict[str, Any]:
    """Run a command and count the requests it makes and the Moves it executes."""
    before = server.counts()
    done = subprocess.run(
        [sys.executable, "-m", "raysearch.cli", *words], cwd=ROOT, env={**os.environ, **server.env}, text=True,
        capture_output=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{name}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    made = server.counts() - before
    executed = sum(int(n) for n in re.findall(r"(\d+) moves executed", done.stdout))
    stored = len(server.bucket().find(BUCKET))
    print(f"{name}: {dict(made)}, {executed} moves, {stored} objects", file=sys.stderr, flush=True)
    return {"what": name, "moves": executed, **{kind: made.get(kind, 0) for kind in KINDS}}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [f"| command | Moves executed | {' | '.join(KINDS)} | requests a Move |", "|---|---|" + "---|" * 6]
    for row in rows:
        each = f"{sum(row[kind] for kind in KINDS) / row['moves']:.1f}" if row["moves"] else "-"
        lines.append(f"| {row['what']} | {row['moves']} | {' | '.join(str(row[k]) for k in KINDS)} | {each} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
