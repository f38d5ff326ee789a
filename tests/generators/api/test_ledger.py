"""What is recorded of requests: whole files by content, what counts as paid, and videos that are what was kept."""

import json

import pytest

from raysearch.errors import UsageError
from raysearch.generators.api.ledger import ACCEPTED, FAILED, SENT, WITHDRAWN, PaidRequests

REQUEST = {"prompt": "a ball", "seed": 5}


@pytest.fixture
def paid(tmp_path):
    return PaidRequests(str(tmp_path))


def test_a_record_is_found_again_by_its_content(paid, tmp_path):
    record = paid.note(paid.intend(paid.open(REQUEST)), ACCEPTED, "job-1")
    again = paid.open({"seed": 5, "prompt": "a ball"})
    assert again.attempts == record.attempts and again.last.job == "job-1" and again.name == record.name
    assert paid.open({**REQUEST, "seed": 6}).attempts == ()
    told = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert told["request"] == REQUEST and told["attempts"][0]["state"] == ACCEPTED


def test_withdrawn_attempts_are_not_paid_and_do_not_count(paid):
    record = paid.note(paid.intend(paid.open(REQUEST)), WITHDRAWN, why="busy")
    assert record.last is None and record.paid == 0
    record = paid.intend(paid.note(paid.intend(record), FAILED, "job-1"))
    assert record.last.state == SENT and record.paid == 2 and [r.paid for r in paid.all()] == [2]


def test_a_video_is_what_was_kept_or_none(paid, tmp_path):
    paid.keep(paid.intend(paid.open(REQUEST)), b"film")
    assert paid.video(paid.open(REQUEST)) == b"film"
    next(tmp_path.glob("*.mp4")).write_bytes(b"other")
    assert paid.video(paid.open(REQUEST)) is None
    next(tmp_path.glob("*.mp4")).unlink()
    assert paid.video(paid.open(REQUEST)) is None


def test_a_damaged_record_is_refused_where_it_is_needed_and_left_out_elsewhere(paid, tmp_path):
    paid.intend(paid.open(REQUEST))
    next(tmp_path.glob("*.json")).write_text('{"attempts": 3}')
    assert paid.all() == []
    with pytest.raises(UsageError, match=r"is damaged .* restore it, or remove it to ask again"):
        paid.open(REQUEST)
