"""Which of the shipped weights have been judged: tests that judge them run when these change, and with the slow tests.

A test marked `judges("worldmodel", ...)` counts as slow while the files of these parts are those of `judged.json`.
`python -m tests.tinyworld.judged` runs all of these tests and writes that record if every one passes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from raysearch.tinyworld import weights

FOLDER = weights("generator").parent
RECORD = Path(__file__).with_name("judged.json")


def fingerprint(part: str) -> str:
    """SHA-256 over names and contents of the files of a part; its card, README.md, is left out."""
    digest = hashlib.sha256()
    for path in sorted(p for p in (FOLDER / part).rglob("*") if p.is_file() and p.suffix != ".md"):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(FOLDER / part).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def judged(parts: Iterable[str]) -> bool:
    """Whether all of these parts are as they were when their tests last passed."""
    record = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    return all(record.get(part) == fingerprint(part) for part in parts)


def select(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Mark tests of judged parts as slow; where slow tests are wanted, those of changed parts too."""
    usual = "not slow" in config.option.markexpr
    for item in items:
        mark = item.get_closest_marker("judges")
        if mark and (not usual or judged(mark.args)):
            item.add_marker(pytest.mark.slow)


def main() -> int:
    """Run the tests that judge weights, and record these if all pass; returns the exit code of pytest."""
    code = int(pytest.main(["-m", "judges", str(Path(__file__).parents[1])]))
    if code == 0:
        parts = sorted(p.name for p in FOLDER.iterdir() if p.is_dir() and not p.name.startswith("_"))
        RECORD.write_text(json.dumps({part: fingerprint(part) for part in parts}, indent=1) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
