"""Requests to services: faults are told apart, repeated where that is safe, and keys go nowhere else."""

import pytest

from raysearch import web
from raysearch.errors import UsageError
from tests.serving import served


def scripted(*replies):
    """A server that gives these replies in turn, and the requests that came."""
    left, came = list(replies), []

    def answer(request):
        came.append(request)
        return left.pop(0) if len(left) > 1 else left[0]

    return served(answer), came


OK, BUSY = (200, {"a": 1}, {}), (429, {"error": {"message": "slow\ndown"}}, {"Retry-After": "7"})


def test_an_answer_is_whole_whatever_its_status():
    server, came = scripted(OK, BUSY)
    with server as url:
        good = web.ask("POST", url + "/x", body=b"{}", headers={"Authorization": "Bearer k"})
        bad = web.ask("GET", url + "/y")
    assert (good.status, good.json()) == (200, {"a": 1}) and came[0].headers["Authorization"] == "Bearer k"
    assert bad.status == 429 and bad.reason == "HTTP 429: slow down" and bad.headers["retry-after"] == "7"


@pytest.mark.parametrize("fault", [(200, None, {}), (200, b"half", {"Content-Length": "99"})])
def test_a_cut_answer_is_no_answer_and_may_have_been_carried_out(fault):
    server, _ = scripted(fault)
    with server as url, pytest.raises(web.NoAnswer) as error:
        web.ask("POST", url)
    assert error.value.sent


def test_a_refused_connection_was_not_sent():
    with served(lambda request: OK) as url:
        pass
    with pytest.raises(web.NoAnswer) as error:
        web.ask("GET", url)
    assert not error.value.sent


def test_an_answer_that_does_not_come_in_time_is_no_answer():
    import threading

    gate = threading.Event()
    with served(lambda request: (gate.wait(5), OK)[1]) as url:
        with pytest.raises(web.NoAnswer) as error:
            web.ask("GET", url, timeout=0.05)
        gate.set()
    assert error.value.sent


def test_redirects_are_not_followed_so_that_a_key_stays():
    other, came = scripted(OK)
    with other as there, served(lambda r: (307, b"", {"Location": there + "/steal"})) as url:
        assert web.ask("POST", url, headers={"Authorization": "Bearer k"}).status == 307
    assert came == []


def patient(replies, **options):
    pauses, left = [], list(replies)

    def send():
        reply = left.pop(0)
        if isinstance(reply, web.NoAnswer):
            raise reply
        return web.Answer(reply, {"retry-after": "7"} if reply == 429 else {}, b"")

    try:
        return web.patiently(send, sleep=pauses.append, **options).status, pauses
    except web.NoAnswer:
        return None, pauses


def test_what_passes_is_asked_again_with_growing_pauses():
    assert patient([503, 500, 429, 504, 200]) == (200, [1.0, 2.0, 7.0, 8.0])
    assert patient([503] * 6) == (503, [1.0, 2.0, 4.0, 8.0, 16.0])
    assert patient([400]) == (400, []) and patient([401]) == (401, [])
    lost, refused = web.NoAnswer("cut", True), web.NoAnswer("refused", False)
    assert patient([lost, 200]) == (200, [1.0]) and patient([refused, 200]) == (200, [1.0])
    assert patient([500], passing=(429,)) == (500, [])
    assert patient([lost] * 6) == (None, [1.0, 2.0, 4.0, 8.0, 16.0])


def test_addresses_and_keys():
    web.check("k", "https://host:8000/v1")
    for wrong in ("host:8000", "ftp://a/b", "http://", "http://a:x/"):
        with pytest.raises(UsageError, match=r"k=.*give an address such as"):
            web.check("k", wrong)
    for leaky in ("http://u:secret@host", "http://host/?key=secret"):
        with pytest.raises(UsageError) as refused:
            web.check("k", leaky)
        assert "secret" not in str(refused.value)


def test_the_key_comes_from_the_environment(monkeypatch):
    monkeypatch.delenv("SOME_KEY", raising=False)
    assert web.bearer("SOME_KEY") == {}
    monkeypatch.setenv("SOME_KEY", " k \n")
    assert web.bearer("SOME_KEY") == {"Authorization": "Bearer k"}


def test_a_form_is_what_a_parser_of_mime_reads():
    from email import message_from_bytes

    body, kind = web.form({"prompt": "a ball ✓\n--"}, {"input_reference": ("a.png", b"\x00\r\n--\xff", "image/png")})
    text, file = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body).get_payload()
    assert text.get_param("name", header="content-disposition") == "prompt"
    assert text.get_payload(decode=True).decode() == "a ball ✓\n--"
    assert file.get_filename() == "a.png" and file.get_content_type() == "image/png"
    assert file.get_payload(decode=True) == b"\x00\r\n--\xff"
