"""The items of a study, pairs of videos of the same prompt in random order with attention checks; and its answers.

The side of each system is drawn per item and annotator and is not in the page: the page shows numbered files, and the
key to them stays with the study. Over annotators each pair is seen in both orders.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raysearch.errors import UsageError

ANSWERS = ("left", "right", "tie")
QUESTIONS = {
    "physics": "Which video obeys the laws of physics better?",
    "quality": "Which video looks better?",
    "prompt": "Which video fits the description better?",
}


@dataclass(frozen=True)
class VideoPair:
    """Two videos of one prompt.

    Attributes:
        id: Name of the pair; answers refer to it.
        prompt: The text.
        a: System that made the first video.
        b: System that made the second.
        video_a: File of the first video.
        video_b: File of the second.
        given: Image or clip that both continue; None for none.
        expect: The right answer, `a` or `b`, if this is an attention check.
    """

    id: str
    prompt: str
    a: str
    b: str
    video_a: str
    video_b: str
    given: str | None = None
    expect: str | None = None


@dataclass(frozen=True)
class Item:
    """A pair as one annotator sees it.

    Attributes:
        pair: The pair.
        flipped: Whether system b is on the left.
    """

    pair: VideoPair
    flipped: bool


@dataclass(frozen=True)
class Vote:
    """One answer.

    Attributes:
        pair: Id of the pair.
        prompt: The text.
        a: System that made the first video.
        b: System that made the second.
        question: What was asked.
        answer: `a`, `b` or `tie`, in terms of the systems, not of the sides.
        annotator: Name of the annotator.
        seconds: Time until the answer.
        replays: How many times both videos were played again.
        check: Whether the pair is an attention check.
        passed: Whether the check was passed; None for other pairs.
    """

    pair: str
    prompt: str
    a: str
    b: str
    question: str
    answer: str
    annotator: str
    seconds: float = 0.0
    replays: int = 0
    check: bool = False
    passed: bool | None = None


def order(pairs: Sequence[VideoPair], annotator: int, seed: int = 0) -> list[Item]:
    """The items of one annotator: every pair once, in a random order. Annotators 2k and 2k + 1 see opposite sides.

    Args:
        pairs: The pairs.
        annotator: Number of the annotator, from 0.
        seed: Seed of orders and sides.

    Returns:
        The items in the order in which they are shown.

    Raises:
        UsageError: Two pairs have the same id.
    """
    if doubles := sorted({p.id for p in pairs if [q.id for q in pairs].count(p.id) > 1}):
        raise UsageError(f"pairs: the id {doubles[0]!r} is given twice; ids name answers, so they must differ")
    side = np.random.default_rng([seed, annotator // 2, 1]).random(len(pairs)) < 0.5
    place = np.random.default_rng([seed, annotator, 2]).permutation(len(pairs))
    return [Item(pairs[i], bool(side[i]) ^ bool(annotator % 2)) for i in place]


def read_pairs(path: str | Path) -> list[VideoPair]:
    """Pairs from JSONL. Raises UsageError naming line and key, and for a video that is not there."""
    found = []
    for number, row in _lines(path):
        try:
            pair = VideoPair(**row)
        except TypeError as error:
            raise UsageError(f"{path}: line {number}: {str(error).split('__init__() ')[-1]}") from None
        if pair.expect not in (None, "a", "b"):
            raise UsageError(f"{path}: line {number}: expect={pair.expect!r} must be a or b")
        for video in (pair.video_a, pair.video_b, *([pair.given] if pair.given else [])):
            if not Path(video).is_file():
                raise UsageError(f"{path}: line {number}: {video}: no such file")
        found.append(pair)
    if not found:
        raise UsageError(f"{path}: holds no pairs; one JSON object a line with id, prompt, a, b, video_a, video_b")
    return found


def write_votes(votes: Sequence[Vote], path: str | Path) -> None:
    """Write votes as JSONL, one object per line, in the order given."""
    Path(path).write_text("".join(json.dumps(asdict(v)) + "\n" for v in votes), encoding="utf-8")


def read_votes(answers: Sequence[str | Path], key: str | Path) -> list[Vote]:
    """Votes from what pages exported and the key of the study. Raises UsageError for answers of another study."""
    known = _key(key)
    votes: dict[tuple[str, str, str], Vote] = {}
    for path in answers:
        for number, row in _lines(path):
            try:
                item = known["items"][row["sheet"]][row["item"]]
                answer, flipped, annotator = row["answer"], item["flipped"], str(row["annotator"])
                if answer not in ANSWERS or row["study"] != known["study"]:
                    raise KeyError("answer")
            except (LookupError, TypeError):
                raise UsageError(f"{path}: line {number}: not an answer to this study; give its own key.json") \
                    from None  # fmt: skip
            if not isinstance(row.get("seconds", 0), (int, float)) or not isinstance(row.get("replays", 0), int):
                raise UsageError(f"{path}: line {number}: seconds and replays must be numbers")
            real = "tie" if answer == "tie" else "ab"[(answer == "right") ^ flipped]
            pair, check = item["pair"], item["pair"]["expect"] is not None
            vote = Vote(
                pair["id"], pair["prompt"], pair["a"], pair["b"], known["question"], real, annotator,
                float(row.get("seconds", 0)), int(row.get("replays", 0)), check,
                real == pair["expect"] if check else None,
            )  # fmt: skip
            votes[vote.annotator, vote.pair, vote.question] = vote  # a later answer to the same item corrects the first
    return list(votes.values())


def _key(path: str | Path) -> dict[str, Any]:
    if not Path(path).is_file():
        raise UsageError(f"{path}: no such file; give the key.json in the folder of the study")
    try:
        known: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        if not {"study", "question", "items"} <= set(known):
            raise ValueError("it lacks study, question or items")
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path}: not the key.json of a study ({error})") from None
    return known


def attentive(votes: Sequence[Vote], least: float = 1.0) -> list[Vote]:
    """Votes, checks left out, of annotators who answered at least that share of their checks rightly."""
    checks: dict[str, list[bool]] = {}
    for v in votes:
        if v.check:
            checks.setdefault(v.annotator, []).append(bool(v.passed))
    out = {a for a, passed in checks.items() if sum(passed) < least * len(passed)}
    return [v for v in votes if not v.check and v.annotator not in out]


def _lines(path: str | Path) -> list[tuple[int, dict[str, Any]]]:
    if not Path(path).is_file():
        raise UsageError(f"{path}: no such file")
    found = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError("not an object")
            except ValueError as error:
                raise UsageError(f"{path}: line {number}: not a JSON object ({error})") from None
            found.append((number, row))
    return found
