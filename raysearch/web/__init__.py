"""HTTP requests to services that a job names: one at a time, repeated where that is safe, keys from the environment.

Invariants: redirects are not followed, so that a key goes to no other place than the job says; an answer that was cut
short or never came is a NoAnswer, which says nothing of whether the request was carried out.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from raysearch.errors import UsageError

PASSING = (408, 425, 429, 500, 502, 503, 504)  # refusals after which the same request may succeed
TRIES, PAUSE_S, LONGEST_S = 6, 1.0, 60.0  # attempts, the first pause between them, which doubles, and the longest
LOOPBACK = ("localhost", "127.0.0.1", "::1")  # never asked through a proxy


class NoAnswer(Exception):
    """The request may or may not have been carried out.

    Attributes:
        sent: False where the connection was refused, so that nothing can have happened.
    """

    def __init__(self, reason: str, sent: bool):
        super().__init__(reason)
        self.sent = sent


@dataclass(frozen=True)
class Answer:
    """What a service answered: its HTTP status, headers by lower-case name, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def reason(self) -> str:
        """What the service says of an error, on one line."""
        error = self.json().get("error", self.json().get("detail"))
        said = error.get("message") if isinstance(error, Mapping) else error
        text = str(said) if said else self.body[:200].decode(errors="replace")
        return " ".join(f"HTTP {self.status}: {text}".split())[:300]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def ask(
    method: str, url: str, *, body: bytes | None = None, kind: str = "application/json",
    headers: Mapping[str, str] | None = None, timeout: float = 60.0,
) -> Answer:  # fmt: skip
    """Send one request and read the whole answer, whatever its status.

    Args:
        method: GET, POST or DELETE.
        url: http:// or https://.
        body: what is sent.
        kind: its content type.
        headers: further headers.
        timeout: seconds until each part of the answer has to come.

    Raises:
        NoAnswer: if no whole answer came.
    """
    handlers: list[urllib.request.BaseHandler] = [_Stay()]
    if urlsplit(url).hostname in LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, body, {"Content-Type": kind, **(headers or {})}, method=method)
    try:
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as answer:
                return Answer(answer.status, _lower(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, _lower(error.headers), error.read())
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", error)
        text = " ".join(f"{type(why).__name__}: {why}".split())[:200]
        raise NoAnswer(text, sent=not isinstance(why, ConnectionRefusedError)) from None


def patiently(
    send: Callable[[], Answer], passing: tuple[int, ...] = PASSING, sleep: Callable[[float], None] = time.sleep
) -> Answer:
    """The answer to a request that may be carried out twice, repeated with growing pauses while none comes.

    `Retry-After` sets the pause, up to a minute.

    Args:
        send: sends it once.
        passing: statuses after which it is sent again.
        sleep: waits.

    Returns:
        The last answer, which may still be one of `passing`.

    Raises:
        NoAnswer: if none came at the last attempt.
    """
    pause = PAUSE_S
    for attempt in range(1, TRIES + 1):
        wait = pause
        try:
            answer = send()
            if answer.status not in passing or attempt == TRIES:
                return answer
            wait = pause_of(answer, pause)
        except NoAnswer:
            if attempt == TRIES:
                raise
        sleep(min(wait, LONGEST_S))
        pause *= 2
    raise AssertionError("unreachable")


def pause_of(answer: Answer, otherwise: float) -> float:
    """Seconds that an answer asks to wait by `Retry-After`; `otherwise` where it gives none."""
    try:
        return max(float(answer.headers.get("retry-after", "")), 0.0)
    except ValueError:
        return otherwise


def check(key: str, url: str) -> None:
    """Raise UsageError for what is no address of a service, or one that holds a name or password."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise UsageError(f"{key}={url!r}: give an address such as http://localhost:8000/v1")
    if parts.username or parts.password or parts.query:
        raise UsageError(f"{key}: give the address without a name, password or query; keys come from the environment")


def bearer(variable: str) -> dict[str, str]:
    """The header with the key of a service, from the environment alone; empty where the variable is not set."""
    key = os.environ.get(variable, "").strip()
    return {"Authorization": f"Bearer {key}"} if key else {}


def form(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes, str]]) -> tuple[bytes, str]:
    """A multipart form (RFC 7578) and its content type.

    Args:
        fields: texts by name.
        files: (file name, content, content type) by name.
    """
    edge = secrets.token_hex(16)
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()
    ]
    for name, (file, content, kind) in files.items():
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\nContent-Type: {kind}'
        parts.append(f"{head}\r\n\r\n".encode() + content + b"\r\n")
    return b"".join([*parts, f"--{edge}--\r\n".encode()]), f"multipart/form-data; boundary={edge}"


def _lower(headers: Any) -> dict[str, str]:
    return {str(k).lower(): str(v) for k, v in headers.items()}
