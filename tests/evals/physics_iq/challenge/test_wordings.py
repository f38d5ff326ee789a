"""One wording for all runs of a challenge."""

import csv
from dataclasses import replace

import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import standin
from raysearch.evals.physics_iq.challenge import wordings
from tests.evals.physics_iq.challenge.case import job


def test_texts_are_frozen_when_a_challenge_begins(tmp_path):
    of, data = job(tmp_path / "run"), standin.expected(2)
    first = wordings.freeze(of, data)
    assert wordings.freeze(of, data) == first
    changed = replace(data, views=(*data.views[:-1], replace(data.views[-1], prompt="Another wording.")))
    with pytest.raises(UsageError, match=r"that of 0006_perspective-right_.* is another.*give another run="):
        wordings.freeze(of, changed)
    with pytest.raises(UsageError, match="there are 3 for 6"):
        wordings.freeze(of, replace(data, views=data.views[:3]))
    assert wordings.freeze(job(tmp_path / "other"), changed) != first


def test_the_table_of_a_submission_has_the_texts_as_they_were_given():
    data = standin.expected(1)
    views = (replace(data.views[0], prompt='A "ball", thrown;\nand caught.', category="Solid"), *data.views[1:])
    given = [(view, view.name, view.prompt) for view in views]
    rows = list(csv.DictReader(wordings.descriptions(given).splitlines(keepends=True)))
    assert rows[0]["description"] == 'A "ball", thrown;\nand caught.' and len(rows) == 3
    assert rows[0]["generated_video_name"] == views[0].name and "_take-1_" in rows[0]["scenario"]
