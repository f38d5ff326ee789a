"""A challenge whose folder lies on object storage."""

import json

import fsspec
import pytest

from raysearch.cli import main
from tests.evals.physics_iq.challenge.case import JOB

WORDS = ["cluster.executor=inline", "search.n=2", "generator.steps=3", "challenge.scenarios=1", "challenge.workers=0",
         "challenge.strategies=[]", "run=memory://bucket/challenge"]  # fmt: skip
WHOLE = {
    "challenge.json", "challenge.html", "wordings.json", "pairs.jsonl", "best_of_n/run_01/report.html",
    "best_of_n/run_01/result.json", "best_of_n/run_01/scores/0001.json", "results/best_of_n-op-run_01.csv",
    "submission/best_of_n/submission.yaml", "submission/best_of_n/descriptions.csv",
}  # fmt: skip


@pytest.fixture
def bucket():
    fs = fsspec.filesystem("memory")
    yield fs
    fs.rm("/bucket", recursive=True)


def test_a_challenge_on_object_storage_is_whole_and_goes_on(bucket, tmp_path, capsys):
    words = ["challenge", JOB, *WORDS, f"challenge.cache={tmp_path / 'cache'}", "--limit", "1"]
    assert main(words) == 0
    assert "report: memory://bucket/challenge/challenge.html" in capsys.readouterr().out
    there = {path.removeprefix("/bucket/challenge/") for path in bucket.find("/bucket")}
    assert there >= WHOLE
    assert sum(path.startswith("best_of_n/run_01/clips/0001/") for path in there) == 2
    assert any(path.startswith("conditioning/0001-last-") for path in there)
    found = json.loads(bucket.cat_file("/bucket/challenge/challenge.json"))
    assert main(words) == 0
    assert json.loads(bucket.cat_file("/bucket/challenge/challenge.json"))["hash"] == found["hash"]
    told = capsys.readouterr().out
    assert "0 moves executed" in told and "views scored" not in told and "held another search" not in told
