"""A writer behind an endpoint, through a real server on loopback: what it is sent, and its faults."""

import pytest

from raysearch import web
from raysearch.errors import UsageError
from raysearch.writers import create, read
from tests.serving import served


def said(text):
    return 200, {"choices": [{"message": {"role": "assistant", "content": text}}]}, {}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(web, "PAUSE_S", 0.0)
    monkeypatch.setenv("RAYSEARCH_WRITER_KEY", "secret")


def asked(url, seed=5):
    return create(read({"with": f"{url}/v1/", "model": "m", "temperature": 0.5})).write(
        [{"role": "user", "content": "Say it."}], seed
    )


def test_one_choice_with_the_seed_is_asked_for_after_what_passes():
    came, cut = [], (200, b"x", {"Content-Length": "9"})
    faults = [(429, {}, {"Retry-After": "0"}), (500, b"", {}), (200, None, {}), cut]

    def answer(request):
        came.append(request)
        return faults.pop(0) if faults else said("A ball falls.")

    with served(answer) as url:
        assert asked(url) == "A ball falls."
    assert len(came) == 5 and len({r.body for r in came}) == 1
    assert came[0].path == "/v1/chat/completions" and came[0].headers["Authorization"] == "Bearer secret"
    assert came[0].json == {
        "model": "m", "messages": [{"role": "user", "content": "Say it."}], "seed": 5, "temperature": 0.5,
        "max_tokens": 1024, "n": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "wants"),
    [
        ((401, {"error": {"message": "bad key"}}, {}), "HTTP 401: bad key; the key is taken from RAYSEARCH_WRITER_KEY"),
        ((404, {"detail": "no such model"}, {}), "HTTP 404: no such model"),
        ((200, {"choices": []}, {}), "its answer holds no text"),
        ((200, b"<html>", {}), "its answer holds no text"),
        ((503, b"busy", {}), "HTTP 503: busy"),
        ((200, None, {}), "no answer"),
    ],
)
def test_refusals_are_one_line_without_the_key(reply, wants):
    with served(lambda request: reply) as url, pytest.raises(UsageError) as refused:
        asked(url)
    assert wants in str(refused.value) and "secret" not in str(refused.value)
    assert str(refused.value).startswith("prompts.rewrite.with=http://127")
