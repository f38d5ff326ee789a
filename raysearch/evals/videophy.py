"""VideoPhy and VideoPhy-2: captions in, `videopath,caption` out to their evaluator, its CSVs back, scores.

The evaluators are 7B models that want an old transformers, so they run as commands in their own environment. VideoPhy
(arXiv 2406.03520) answers with probabilities of semantic adherence (SA) and physical commonsense (PC); VideoPhy-2
(arXiv 2503.06800) with ratings 1 to 5. Its CSV of VideoPhy has no header, and prompts of several lines.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from raysearch.errors import UsageError

AGREES, RATED = 0.5, 4.0  # from where a video counts as right: a probability, a rating


def captions(path: str | Path) -> list[str]:
    """Every caption once, in order: a text file with one a line, or a CSV with a column `caption`."""
    if not Path(path).is_file():
        raise UsageError(f"{path}: no such file")
    text = Path(path).read_text(encoding="utf-8-sig")
    if Path(path).suffix.lower() != ".csv":
        return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if "caption" not in (rows.fieldnames or []):
        raise UsageError(f"{path}: has no column 'caption'; there are {', '.join(rows.fieldnames or ['none'])}")
    return list(dict.fromkeys(row["caption"].strip() for row in rows if row["caption"].strip()))


def write_input(videos: Mapping[str, str], path: str | Path) -> None:
    """The evaluators' input, caption by path of the video. Raises UsageError for a video that is not there."""
    for video in videos:
        if not Path(video).is_file():
            raise UsageError(f"{video}: no such file")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("videopath", "caption"), *videos.items()])
    Path(path).write_text(text.getvalue(), encoding="utf-8")


def read_output(path: str | Path) -> dict[str, float]:
    """Score by path of the video, from either evaluator. Raises UsageError for doubles: a second run appends."""
    if not Path(path).is_file():
        raise UsageError(f"{path}: no such file")
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.reader(file) if r]
    if not rows:
        raise UsageError(f"{path}: is empty")
    video, value = 0, len(rows[0]) - 1
    if "score" in rows[0]:
        head, *rows = rows
        if "videopath" not in head:
            raise UsageError(f"{path}: has a column 'score' but none 'videopath'")
        video, value = head.index("videopath"), head.index("score")
    found: dict[str, float] = {}
    for number, row in enumerate(rows, 1):
        try:
            name, score = row[video], float(row[value])
        except (IndexError, ValueError):
            raise UsageError(f"{path}: record {number}: no score in {','.join(row)[:80]!r}") from None
        if name in found:
            raise UsageError(f"{path}: {name} is scored twice; remove the file and run the evaluator once")
        found[name] = score
    return found


def scores(adherence: Mapping[str, float], physics: Mapping[str, float], version: int = 1) -> dict[str, float]:
    """Scores of VideoPhy from the outputs of its evaluators.

    Args:
        adherence: Semantic adherence by video.
        physics: Physical commonsense by video.
        version: 1 for probabilities (right from 0.5 on), 2 for ratings (right from 4 on).

    Returns:
        Means, and the shares of videos that are right in each and in both, in per cent.

    Raises:
        UsageError: The two have different videos, or values that this version does not give.
    """
    if set(adherence) != set(physics):
        odd = sorted(set(adherence) ^ set(physics))[0]
        raise UsageError(f"{odd}: scored for only one of adherence and physics; run both on the same videos")
    names = sorted(adherence)
    sa, pc = (np.array([m[n] for n in names]) for m in (adherence, physics))
    top, right = (1.0, AGREES) if version == 1 else (5.0, RATED)
    for values, what in ((sa, "adherence"), (pc, "physics")):
        if not ((values >= 0) & (values <= top)).all():
            raise UsageError(f"{what}: values up to {values.max():g}, but version {version} gives 0 to {top:g}; "
                             "see --version")  # fmt: skip
    return {
        "videos": len(names), "sa": float(sa.mean()), "pc": float(pc.mean()),
        "sa_percent": float(100 * (sa >= right).mean()), "pc_percent": float(100 * (pc >= right).mean()),
        "joint_percent": float(100 * ((sa >= right) & (pc >= right)).mean()),
    }  # fmt: skip
