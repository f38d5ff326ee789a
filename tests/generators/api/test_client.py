"""No request is paid twice: every fault of a real server on loopback, and what is recorded of it."""

import json
from pathlib import Path

import pytest

from raysearch import config, web
from raysearch.errors import UsageError
from raysearch.generators.api.client import Client
from raysearch.generators.api.ledger import PaidRequests
from tests.generators.api.server import CUT, NO_ANSWER, VideoServer, failed, film
from tests.serving import served

REQUEST = {"model": "m", "prompt": "a ball", "seed": 5, "size": "32x32"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(web, "PAUSE_S", 0.0)
    monkeypatch.setenv("RAYSEARCH_API_KEY", "secret")


@pytest.fixture
def server():
    return VideoServer()


@pytest.fixture
def client(server, tmp_path):
    def made(**settings):
        own = {
            "name": "api",
            "endpoint": url + "/v1/",
            "model": "m",
            "height": 32,
            "width": 32,
            "num_frames": 8,
            "fps": 8,
        }
        generator = config.typed({"generator": {**own, **settings}}, "test").generator
        return Client(generator, PaidRequests(str(tmp_path / "requests")), sleep=lambda seconds: pauses.append(seconds))

    pauses: list[float] = []
    with served(server) as url:
        made.pauses = pauses
        yield made


def attempts(tmp_path):
    (file,) = Path(tmp_path / "requests").glob("*.json")
    return json.loads(file.read_text())["attempts"]


def states(tmp_path):
    return [a["state"] for a in attempts(tmp_path)]


def test_a_video_is_asked_for_once_polled_and_kept(server, client, tmp_path):
    video = client().video(REQUEST, {})
    assert video == film(5) and client().video(REQUEST, {}) == video
    assert dict(server.came) == {"create": 1, "poll": 2, "content": 1} and states(tmp_path) == ["done"]
    assert server.forms == [{k: str(v) for k, v in REQUEST.items()}] and server.keys == {"Bearer secret"}
    assert "secret" not in "".join(f.read_text(errors="replace") for f in (tmp_path / "requests").iterdir())
    assert client().video({**REQUEST, "seed": 6}, {}) == film(6), "another seed is another request"


def test_a_picture_goes_along(server, client):
    client().video({**REQUEST, "input_reference": "sha"}, {"input_reference": ("a.png", b"\x89png", "image/png")})
    assert server.forms[0]["input_reference"] == b"\x89png"


@pytest.mark.parametrize(
    ("kind", "faults", "created"),
    [
        ("create", [(429, {}, {"Retry-After": "3"}), (503, b"", {})], 1),
        ("create", [(500, b"", {}), (502, b"", {})], 1),  # not carried out, as the list of jobs tells
        ("create", [NO_ANSWER], 1),
        ("create", [CUT], 1),
        ("create", [lambda real: NO_ANSWER], 1),  # carried out, and the answer lost
        ("create", [lambda real: (real[0], b"{", {"Content-Length": "99"})], 1),
        ("create", [lambda real: (500, b"oops", {})], 1),  # carried out, and then failed to say so
        ("create", [lambda real: (200, {"object": "video"}, {})], 1),
        ("poll", [(500, {"status": "queued"}, {}), (429, {}, {"Retry-After": "2"}), (504, b"", {}), NO_ANSWER], 1),
        ("content", [(429, {}, {}), CUT, NO_ANSWER, (200, b"no mp4", {})], 1),
        ("content", [lambda real: (200, real[1][: len(real[1]) // 2], {})], 1),
        ("poll", [failed("out of memory")], 2),
        ("poll", [failed("out of memory", status=500)], 2),
    ],
)
def test_faults_that_pass_are_waited_for_and_nothing_is_paid_twice(server, client, tmp_path, kind, faults, created):
    server.faults[kind] = list(faults)
    assert client(price=0.5).video(REQUEST, {}) == film(5)
    assert sum(server.made.values()) == created, "jobs that failed are asked for again, others never"
    assert states(tmp_path)[-1] == "done" and not server.faults[kind]


def test_retry_after_is_obeyed(server, client):
    made = client()
    server.faults["create"] = [(429, {}, {"Retry-After": "3"}), (429, {}, {"Retry-After": "3000"})]
    made.video(REQUEST, {})
    assert client.pauses[:2] == [3.0, 60.0]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("create", (400, {"error": {"code": "moderation_blocked", "message": "no"}}, {})),
        ("poll", failed("Your request was rejected by the safety system")),
        ("poll", failed("no", code="content_policy_violation", status=400)),
    ],
)
def test_refused_content_is_no_video_and_is_not_asked_again(server, client, tmp_path, kind, fault):
    server.faults[kind] = [fault]
    assert client().video(REQUEST, {}) is None and client().video(REQUEST, {}) is None
    assert server.came["create"] == 1 and states(tmp_path) == ["refused"]


@pytest.mark.parametrize(
    ("kind", "fault", "wants", "state"),
    [
        ("create", (401, {"error": {"message": "bad key"}}, {}), "bad key; the key is taken from RAYSEARCH_API_KEY",
         "withdrawn"),
        ("create", (422, {"detail": "size"}, {}), "HTTP 422: size", "withdrawn"),
        ("poll", lambda real: (200, {**real[1], "status": "paused"}, {}), "state 'paused'", "accepted"),
        ("poll", (403, {"detail": "no"}, {}), "HTTP 403: no", "accepted"),
    ],
)  # fmt: skip
def test_what_does_not_pass_is_one_line_and_the_same_command_goes_on(
    server, client, tmp_path, kind, fault, wants, state
):
    server.faults[kind] = [fault]
    with pytest.raises(UsageError) as refused:
        client(price=1.0).video(REQUEST, {})
    assert wants in str(refused.value) and len(str(refused.value).splitlines()) == 1
    assert "secret" not in str(refused.value) and states(tmp_path)[-1] == state
    assert client(price=1.0).video(REQUEST, {}) == film(5) and sum(server.made.values()) == 1


def test_jobs_that_fail_again_and_again_end(server, client):
    server.faults["poll"] = [failed("broken")] * 9
    with pytest.raises(UsageError, match=r"3 requests came to nothing, the last one: .*broken"):
        client().video(REQUEST, {})
    assert server.came["create"] == 3


def test_a_server_that_never_answers_a_request_is_given_up(server, client):
    server.faults["create"] = [NO_ANSWER] * 9
    with pytest.raises(UsageError, match="3 requests came to nothing"):
        client().video(REQUEST, {})


@pytest.mark.parametrize("price", [None, 0.5])
def test_where_jobs_are_not_listed_a_lost_answer_is_asked_again_only_for_free(server, client, price):
    server.faults["create"], server.lists = [lambda real: NO_ANSWER], False
    if price is None:
        assert client().video(REQUEST, {}) == film(5) and server.came["create"] == 2
        return
    for _ in range(2):
        with pytest.raises(UsageError, match=r"does not list its jobs; it may have been paid. To pay once more"):
            client(price=price).video(REQUEST, {})
    assert server.came["create"] == 1


def test_several_jobs_that_may_be_the_lost_one_are_left_to_a_person(server, client, tmp_path):
    server.tells = ("prompt",)
    client().video({**REQUEST, "seed": 6}, {})  # claimed by its own record
    server.faults["create"] = [lambda real: NO_ANSWER]
    assert client().video(REQUEST, {}) == film(5)
    server.faults["create"] = [lambda real: (server._create(_again(server)), NO_ANSWER)[1]]
    with pytest.raises(UsageError, match=r"2 jobs may be it \(video_4, video_3\)"):
        client().video({**REQUEST, "seed": 7}, {})


def _again(server):
    from types import SimpleNamespace

    body, kind = web.form({k: str(v) for k, v in {**REQUEST, "seed": 8}.items()}, {})
    return SimpleNamespace(headers={"Content-Type": kind}, body=body)


@pytest.mark.parametrize("price", [None, 0.5])
def test_a_job_that_a_restarted_server_forgot_is_asked_again_only_for_free(server, client, price):
    server.faults["poll"] = [lambda real: (server.jobs.clear(), (404, {"detail": "no such video"}, {}))[1]]
    if price is None:
        assert client().video(REQUEST, {}) == film(5) and server.came["create"] == 2
        return
    with pytest.raises(UsageError, match="knows no job video_1 any more; it may have been paid"):
        client(price=price).video(REQUEST, {})


def test_a_server_that_is_down_is_told_and_nothing_counts_as_paid(tmp_path, server, client):
    made = client()
    with served(server) as gone:
        pass
    made._url = gone + "/v1"
    with pytest.raises(UsageError, match="no connection"):
        made.video(REQUEST, {})
    assert states(tmp_path) == ["withdrawn"] and client.pauses


def test_money_is_never_spent_beyond_the_budget(server, client, tmp_path):
    paying = client(price=0.5, budget={"usd": 1.0})
    for seed in (1, 2):
        paying.video({**REQUEST, "seed": seed}, {})
    with pytest.raises(UsageError, match=r"generator.budget.usd=1 is spent: 2 videos at \$0.5; raise it to go on"):
        paying.video({**REQUEST, "seed": 3}, {})
    assert server.came["create"] == 2 and paying.video({**REQUEST, "seed": 2}, {}) == film(2)
    assert client(price=0.5, budget={"usd": 1.5}).video({**REQUEST, "seed": 3}, {}) == film(3)


def test_a_video_whose_file_is_gone_is_fetched_again_not_paid_again(server, client, tmp_path):
    client(price=1.0).video(REQUEST, {})
    next((tmp_path / "requests").glob("*.mp4")).write_bytes(b"damaged")
    assert client(price=1.0).video(REQUEST, {}) == film(5) and server.came["create"] == 1


def test_a_damaged_record_is_refused(server, client, tmp_path):
    client().video(REQUEST, {})
    next((tmp_path / "requests").glob("*.json")).write_text("{")
    with pytest.raises(UsageError, match="is damaged"):
        client().video(REQUEST, {})
