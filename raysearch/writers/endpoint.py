"""A writer behind an OpenAI-compatible endpoint (vLLM, sglang, hosted ones). Its key is RAYSEARCH_WRITER_KEY."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from raysearch import web
from raysearch.errors import UsageError
from raysearch.writers.settings import Message

VARIABLE = "RAYSEARCH_WRITER_KEY"
TIMEOUT_S = 600.0


class Asking(Protocol):
    """What an endpoint must know of a job's settings: where it is, what is asked for, and the key of the job."""

    @property
    def key(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def model(self) -> str | None: ...
    @property
    def temperature(self) -> float: ...
    @property
    def max_tokens(self) -> int: ...


class Endpoint:
    """POST /chat/completions, for each variant with a seed of its own."""

    together = 8

    def __init__(self, how: Asking):
        self._how, self._url = how, f"{how.source.rstrip('/')}/chat/completions"

    def write(self, messages: list[Message], seed: int) -> str:
        """The text of the first choice; a request that gets no answer is repeated, since writing twice does no harm.

        Raises:
            UsageError: for a refusal, with what the endpoint says, and for an answer without a text.
        """
        how = self._how
        asked = {
            "model": how.model, "messages": messages, "seed": seed, "temperature": how.temperature,
            "max_tokens": how.max_tokens, "n": 1,
        }  # fmt: skip
        body = json.dumps(asked).encode()
        try:
            answer = web.patiently(
                lambda: web.ask("POST", self._url, body=body, headers=web.bearer(VARIABLE), timeout=TIMEOUT_S)
            )
        except web.NoAnswer as error:
            raise UsageError(f"{how.key}.with={how.source}: no answer ({error}); is the endpoint up?") from None
        if answer.status != 200:
            hint = f"; the key is taken from {VARIABLE}" if answer.status in (401, 403) else ""
            raise UsageError(f"{how.key}.with={how.source}: {answer.reason}{hint}")
        text = _text(answer.json())
        if text is None:
            raise UsageError(
                f"{how.key}.with={how.source}: its answer holds no text; is it an OpenAI-compatible endpoint?"
            )
        return text


def _text(answer: Mapping[str, Any]) -> str | None:
    try:
        text = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return None
    return text if isinstance(text, str) else None
