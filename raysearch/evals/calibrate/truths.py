"""How good each video is, from a file: a CSV or JSON with a score for every video, higher is better.

CSV: columns `video` and `score`, optionally `prompt`, `scene` and `text`. JSON: a list of such objects, or a mapping of
videos to scores. A video is named by its path in the folder or beside the file, or by its file name.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError

COLUMNS = ("video", "score", "prompt", "scene", "text")


@dataclass(frozen=True)
class TrueScore:
    """What a file says of one video; empty where it does not say."""

    score: float
    prompt: str = ""
    scene: str = ""
    text: str = ""


class Truths:
    """The truths of a file by video."""

    def __init__(self, path: str, rows: Mapping[str, TrueScore]):
        """path: Of the file. rows: By the name of the video as the file gives it."""
        self.path, self._rows, self._used = path, dict(rows), set[str]()

    def of(self, inside: str, file: Path | None = None) -> TrueScore | None:
        """The truth of a video; None where the file has none.

        Args:
            inside: Its path in the folder of videos, or the handle of a candidate of a run.
            file: Its file.
        """
        names = [inside, *([str(file), _beside(file, self.path)] if file else []), Path(inside).name, Path(inside).stem]
        for name in names:
            if name in self._rows:
                self._used.add(name)
                return self._rows[name]
        return None

    def all_used(self) -> None:
        """Raise UsageError if the file names a video that was not found, for its name may be misspelt."""
        if left := [name for name in self._rows if name not in self._used]:
            more = f" and {len(left) - 1} more" if len(left) > 1 else ""
            raise UsageError(f"{self.path}: {left[0]}{more}: no such video in the folder")


def read(path: str) -> Truths:
    """Read a file of truths.

    Raises:
        UsageError: The file cannot be read, has no such columns, or a score that is no number.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"--truth {path}: {error}") from None
    rows: dict[str, TrueScore] = {}
    for number, row in enumerate(_json(path, text) if file.suffix.lower() == ".json" else _csv(path, text), 1):
        try:
            score = float(row["score"])
        except (KeyError, TypeError, ValueError):
            raise UsageError(f"{path}: row {number}: score={row.get('score')!r} is no number") from None
        video = str(row.get("video") or "")
        if not video or video in rows:
            raise UsageError(f"{path}: row {number}: video={video!r} is {'given twice' if video else 'missing'}")
        rows[video] = TrueScore(
            score if math.isfinite(score) else math.nan, *(str(row.get(c) or "") for c in COLUMNS[2:])
        )
    if not rows:
        raise UsageError(f"{path}: holds no score; give columns video and score")
    return Truths(path, rows)


def _csv(path: str, text: str) -> list[dict[str, Any]]:
    rows = csv.DictReader(text.splitlines())
    for column in COLUMNS[:2]:
        if column not in (rows.fieldnames or []):
            raise UsageError(f"{path}: has no column {column!r}; it needs video and score")
    return list(rows)


def _json(path: str, text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{path}: no JSON ({error})") from None
    if isinstance(found, dict):
        return [{"video": video, "score": score} for video, score in found.items()]
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise UsageError(f"{path}: give a list of objects with video and score, or a mapping of videos to scores")
    return found


def _beside(file: Path, truths: str) -> str:
    """The path of a video as seen from the folder of the file of truths."""
    try:
        return file.resolve().relative_to(Path(truths).resolve().parent).as_posix()
    except ValueError:
        return file.name
