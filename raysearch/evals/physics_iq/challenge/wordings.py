"""The wordings of a challenge, frozen before its first run: what every view is asked for, in all runs and on the card.

Runs of a protocol differ in nothing but their seed. A wording that is chosen by rewards is chosen before; the exact
text of each view is kept, and a challenge whose texts have changed since is refused, not mixed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from raysearch import storage
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.evals.physics_iq.descriptions import COLUMNS
from raysearch.evals.physics_iq.layout import DataSet, View
from raysearch.moves import digest

NAME = "wordings.json"


def freeze(job: Job, data: DataSet) -> str:
    """Write the texts of all views into the folder of the challenge, or compare them with what is there.

    Args:
        job: The job of the challenge.
        data: The whole data set.

    Returns:
        Their digest.

    Raises:
        UsageError: A text is another than when the challenge began.
    """
    path, texts = f"{job.run}/{NAME}", {view.name: view.prompt for view in data.views}
    if not storage.exists(path):
        storage.write(path, json.dumps(texts, indent=1, ensure_ascii=False))
        return digest(texts)
    frozen = json.loads(storage.read(path))
    changed = [name for name in texts if frozen.get(name) != texts[name]]
    if changed or len(frozen) != len(texts):
        what = f"that of {changed[0]} is another" if changed else f"there are {len(texts)} for {len(frozen)}"
        raise UsageError(
            f"{path}: the texts of the prompts have changed since this challenge began ({what}); all its runs are made "
            "with one wording: restore challenge.descriptions, or give another run="
        )
    return digest(texts)


def descriptions(rows: Iterable[tuple[View, str, str]]) -> str:
    """descriptions.csv of a submission: every text as it was given, in the official columns.

    Args:
        rows: View, name of the generated file, and the text that it was made from.
    """
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(COLUMNS)
    for v, name, words in rows:
        out.writerow([f"{v.id:04d}_{v.view}_take-1_{v.scenario}", words, v.category, name])
    return text.getvalue()
