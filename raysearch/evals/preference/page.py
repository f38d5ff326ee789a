"""The study as files: one page per annotator, numbered videos beside it, and key.json, which stays with the study.

A page asks nothing of any network and works from the disk. It keeps answers in the browser until they are exported.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.evals.preference.items import QUESTIONS, VideoPair, order
from raysearch.moves import digest
from raysearch.names import lookup
from raysearch.report.document import asset, document
from raysearch.report.markup import el

_HERE = "raysearch.evals.preference"


def write(
    pairs: Sequence[VideoPair], folder: str | Path, annotators: int, question: str = "physics", ties: bool = False,
    seed: int = 0,
) -> Path:  # fmt: skip
    """Write a study: FOLDER/annotator-NN.html, FOLDER/media/*, FOLDER/key.json.

    Args:
        pairs: What is compared.
        folder: The folder, which must not exist.
        annotators: Number of annotators; each gets one page.
        question: `physics`, `quality` or `prompt`; one study asks one question.
        ties: Whether `cannot decide` is an answer.
        seed: Seed of orders and sides.

    Returns:
        The folder.

    Raises:
        UsageError: The folder exists, or the question is unknown.
    """
    text = lookup("question:", question, QUESTIONS)
    if annotators < 1:
        raise UsageError(f"annotators={annotators}: at least 1")
    target = Path(folder)
    if target.exists():
        raise UsageError(f"{target}: exists; answers given there would lose their key, so give a new folder")
    study = digest([[asdict(p) for p in pairs], question, ties, seed])[:12]
    with storage.making(target, alone=True) as made:
        (made / "media").mkdir(parents=True)
        key: dict[str, Any] = {"study": study, "question": question, "items": {}}
        for annotator in range(annotators):
            sheet, shown = f"{annotator + 1:02d}", []
            items = order(pairs, annotator, seed)
            for number, item in enumerate(items):
                pair = item.pair
                left, right = (pair.video_b, pair.video_a) if item.flipped else (pair.video_a, pair.video_b)
                media = {side: _place(path, made, study) for side, path in
                         (("left", left), ("right", right), ("given", pair.given)) if path}  # fmt: skip
                shown.append({"item": number, "prompt": pair.prompt, **media})
            key["items"][sheet] = [{"flipped": i.flipped, "pair": asdict(i.pair)} for i in items]
            sheet_data = {"study": study, "sheet": sheet, "question": text, "ties": ties, "items": shown}
            (made / f"annotator-{sheet}.html").write_text(_page(sheet_data), encoding="utf-8")
        (made / "key.json").write_text(json.dumps(key, indent=1), encoding="utf-8")
    return target


def _place(source: str, folder: Path, study: str) -> str:
    """Copy a file under a name that does not reveal its system. Returns its path within the study."""
    name = digest([study, str(source)])[:16] + Path(source).suffix
    if not (folder / "media" / name).is_file():
        shutil.copyfile(source, folder / "media" / name)
    return f"media/{name}"


def _page(sheet_data: dict[str, Any]) -> str:
    """The page of one annotator. sheet_data: what its script reads."""
    return document(
        "Which is better?",
        el("main", id="study"),
        styles=[asset(_HERE, "page.css")],
        scripts=[asset(_HERE, "page.js")],
        data=sheet_data,
        media="'self' file:",
    )
