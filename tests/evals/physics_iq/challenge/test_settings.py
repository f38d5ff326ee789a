"""The settings of a challenge."""

from pathlib import Path

import pytest

from raysearch import cli
from raysearch.errors import UsageError
from raysearch.evals.physics_iq import layout, standin
from raysearch.evals.physics_iq.challenge import settings
from tests.evals.physics_iq.challenge.case import JOB, WORDS


def test_views_are_picked(tmp_path):
    data = layout.read(standin.write(tmp_path, 2), 8)
    assert [v.id for v in settings.pick(data, None, "two").views] == [4, 5, 6]
    assert [v.id for v in settings.pick(data, 2, "two").views] == [4, 5]
    with pytest.raises(UsageError, match="no view is left"):
        settings.pick(data, None, "three")
    with pytest.raises(UsageError, match="--limit 0: at least 1 view"):
        settings.pick(data, 0, None)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("challenge.trakc=v2v", "key 'challenge.trakc' is unknown; did you mean 'challenge.track'"),
        ("challenge.track=t2v", "challenge.track: 't2v'"),
        ("challenge.runs=5", "challenge.runs=5"),
        ("challenge.runs=four", "challenge.runs='four': give 1, or up to 4"),
        ("challenge.strategies=[{name: best_of_n}]", "two are called 'best_of_n'"),
        ("challenge.strategies=[{n: 3}]", "has no name"),
        ("challenge.data=/nowhere", "/nowhere/split-videos/testing/8FPS: no such folder"),
    ],
)
def test_a_wrong_job_is_one_line(tmp_path, capsys, word, message):
    assert cli.main(["challenge", JOB, *WORDS, f"run={tmp_path}", word]) == 2
    assert message in capsys.readouterr().err and not Path(tmp_path / "best_of_n").exists()
