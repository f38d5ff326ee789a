"""Videos from an endpoint, none of which is paid twice: record, POST once, record the job, poll, fetch, keep.

No server of this shape has an idempotency key. So a request whose answer was lost is looked for among the endpoint's
jobs before it is sent again, and where that cannot be settled and money is at stake, a person has to. The key of the
endpoint is RAYSEARCH_API_KEY, from the environment alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from raysearch import videos, web
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.api.ledger import ACCEPTED, DONE, FAILED, LOST, REFUSED, SENT, WITHDRAWN, PaidRequests, Record

VARIABLE = "RAYSEARCH_API_KEY"
TIMEOUT_S, POLL_S, LONGEST_POLL_S = 120.0, 1.0, 15.0  # of a call; the first pause between two polls, and the longest
PATIENCE_S = 86_400.0  # until a job that is still queued counts as stuck
POSTS = 3  # jobs that may fail before a video is given up
SKEW_S = 300.0  # by which the clocks of endpoint and driver may differ
WAITING, FINISHED = ("queued", "in_progress", "pending", "running", "processing"), ("completed", "succeeded")
BUSY = (429, 503)  # certainly not carried out; another 5xx may be
MODERATED = ("moderation", "content_policy", "content policy", "safety", "sensitive")
File = tuple[str, bytes, str]  # name, content, content type


class Client:
    """The endpoint of a job, and the ledger of its run."""

    def __init__(self, config: GeneratorConfig, ledger: PaidRequests, sleep: Callable[[float], None] = time.sleep):
        assert config.endpoint is not None
        self._url, self._config, self.ledger, self._sleep = config.endpoint.rstrip("/"), config, ledger, sleep

    def video(self, request: Mapping[str, Any], files: Mapping[str, File]) -> bytes | None:
        """The file of a video; None if the endpoint refuses its content, which is no fault of the run.

        Args:
            request: the fields of the form, and what stands for the files.
            files: of the form, by field.

        Raises:
            UsageError: if there is none; what was paid stays recorded, and the same command goes on from there.
        """
        record, posts = self.ledger.open(request), 0
        while True:
            last = record.last
            if last is None or last.state == FAILED:
                if posts == POSTS:
                    raise self._error(
                        f"{POSTS} requests came to nothing, the last one: {record.attempts[-1].why}", record
                    )
                record, posts = self._post(record, files), posts + 1
            elif last.state == SENT:
                record = self._look_for(record)
            elif last.state == ACCEPTED:
                record = self._follow(record)
            elif last.state == DONE and (kept := self.ledger.video(record)) is not None:
                return kept
            elif last.state == DONE:  # the file is gone: fetched again while the endpoint has it
                record = self.ledger.note(record, ACCEPTED)
            elif last.state == LOST:
                record = self._again(record, f"the endpoint knows no job {last.job} any more")
            else:
                return None

    def _post(self, record: Record, files: Mapping[str, File]) -> Record:
        """Send the request once, recorded before; again only after answers which say that it was not carried out."""
        record = self._within_budget(self.ledger.intend(record))
        fields = {k: str(v) for k, v in record.request.items() if k not in files and k != "endpoint"}
        body, kind = web.form(fields, files)
        headers = {**web.bearer(VARIABLE), "Idempotency-Key": record.name}  # for servers to come
        pause = web.PAUSE_S
        for left in reversed(range(web.TRIES)):
            try:
                answer = web.ask(
                    "POST", f"{self._url}/videos", body=body, kind=kind, headers=headers, timeout=TIMEOUT_S
                )
            except web.NoAnswer as error:
                if error.sent:
                    return record  # the state stays `sent`
                if not left:
                    self.ledger.note(record, WITHDRAWN, why=str(error))
                    raise self._error(f"no connection ({error})", record) from None
            else:
                if answer.status not in BUSY or not left:
                    return self._answered(record, answer)
                pause = web.pause_of(answer, pause)
            self._sleep(min(pause, web.LONGEST_S))
            pause *= 2
        raise AssertionError("unreachable")

    def _answered(self, record: Record, answer: web.Answer) -> Record:
        job = answer.json().get("id")
        if answer.status < 300 and isinstance(job, str) and job:
            return self.ledger.note(record, ACCEPTED, job)
        if _moderated(answer.json(), answer.reason):
            return self.ledger.note(record, REFUSED, why=answer.reason)
        if answer.status < 300 or (answer.status >= 500 and answer.status not in BUSY):
            return record  # carried out or not: it is looked for
        self.ledger.note(record, WITHDRAWN, why=answer.reason)
        hint = f"; the key is taken from {VARIABLE}" if answer.status in (401, 403) else ""
        raise self._error(answer.reason + hint, record)

    def _look_for(self, record: Record) -> Record:
        """Whether the endpoint has a job for a request whose answer was lost; if not, it may be sent again."""
        known = self._jobs()
        if known is None:
            return self._again(record, "the answer to a request was lost, and the endpoint does not list its jobs")
        claimed = {a.job for other in self.ledger.all() for a in other.attempts if a.job}
        last = record.attempts[-1]
        fits = [job for job in known if job.get("id") not in claimed and _fits(job, record.request, last.at - SKEW_S)]
        if len(fits) > 1:
            ids = ", ".join(str(job["id"]) for job in fits[:4])
            raise self._error(
                f"the answer to a request was lost, and {len(fits)} jobs may be it ({ids}); write the right one into "
                "`job` of the last attempt, with state accepted", record,
            )  # fmt: skip
        if fits:
            return self.ledger.note(record, ACCEPTED, str(fits[0]["id"]))
        return self.ledger.note(record, WITHDRAWN, why="not among the jobs of the endpoint")

    def _jobs(self) -> list[dict[str, Any]] | None:
        """All jobs that the endpoint lists; None where it lists none."""
        found, after = list[dict[str, Any]](), ""
        for _ in range(100):
            answer = self._get(f"/videos?limit=100{after}")
            page = answer.json().get("data")
            if answer.status != 200 or not isinstance(page, list):
                return None
            found += [job for job in page if isinstance(job, dict) and isinstance(job.get("id"), str)]
            if not answer.json().get("has_more") or not page:
                break
            after = f"&after={quote(str(page[-1].get('id')))}"
        return found

    def _follow(self, record: Record) -> Record:
        """Poll the job to its end and keep its video."""
        assert record.last is not None
        job, pause, began = quote(record.last.job, safe=""), POLL_S, time.monotonic()
        while True:
            answer = self._get(f"/videos/{job}")
            told, state = answer.json(), str(answer.json().get("status", "")).lower()
            if state in FINISHED:
                return self._fetch(record, job)
            if state in ("failed", "cancelled", "canceled", "expired"):
                kind = REFUSED if _moderated(told, answer.reason) else FAILED
                return self.ledger.note(record, kind, why=answer.reason)
            if state not in WAITING:
                if answer.status == 404:
                    return self.ledger.note(record, LOST, why=answer.reason)
                raise self._error(f"job {record.last.job}: {f'state {state!r}' if state else answer.reason}", record)
            if time.monotonic() - began > PATIENCE_S:
                raise self._error(f"job {record.last.job} is still {state} after {PATIENCE_S / 3600:g} hours", record)
            self._sleep(pause)
            pause = min(1.5 * pause, LONGEST_POLL_S)

    def _fetch(self, record: Record, job: str) -> Record:
        why = ""
        for _ in range(POSTS):
            answer = self._get(f"/videos/{job}/content")
            why = answer.reason if answer.status != 200 else ""
            if answer.status == 404:
                return self.ledger.note(record, LOST, why=answer.reason)
            if not why:
                try:
                    videos.scan(answer.body)
                except UsageError as error:
                    why = str(error)
            if not why:
                self.ledger.keep(record, answer.body)
                return self.ledger.open(record.request)
        raise self._error(f"the video of job {job} cannot be fetched: {why}", record)

    def _again(self, record: Record, why: str) -> Record:
        """Give an attempt up, so that the request is sent anew; where money is at stake only a person may say so."""
        if self._config.price is not None:
            raise self._error(
                f"{why}; it may have been paid. To pay once more, set the state of the last attempt to withdrawn",
                record,
            )
        return self.ledger.note(record, WITHDRAWN, why=why)

    def _within_budget(self, record: Record) -> Record:
        """The recorded intent, withdrawn if it does not fit into the budget; of several at once none gets through."""
        most, price = self._config.budget.get("usd"), self._config.price
        if most is None or price is None:
            return record
        paid = sum(other.paid for other in self.ledger.all())
        if paid * price > most + 1e-9:
            self.ledger.note(record, WITHDRAWN, why="no budget left")
            raise self._error(
                f"generator.budget.usd={most:g} is spent: {paid - 1} videos at ${price:g}; raise it to go on", record
            )
        return record

    def _get(self, path: str) -> web.Answer:
        try:
            return web.patiently(
                lambda: web.ask("GET", self._url + path, headers=web.bearer(VARIABLE), timeout=TIMEOUT_S),
                passing=(408, 425, 429, 502, 503, 504), sleep=self._sleep,
            )  # fmt: skip
        except web.NoAnswer as error:
            raise UsageError(f"generator.endpoint={self._url}: no answer to GET {path} ({error})") from None

    def _error(self, what: str, record: Record) -> UsageError:
        return UsageError(f"generator.endpoint={self._url}: {what} (see {self.ledger.path(record)})")


def _fits(job: Mapping[str, Any], request: Mapping[str, Any], since: float) -> bool:
    """Whether a listed job may be that of a request: nothing that it says differs, and it tells its prompt or seed."""
    told = {key: job[key] for key in ("prompt", "seed", "model", "size") if job.get(key) is not None}
    created = job.get("created_at")
    if isinstance(created, (int, float)) and created < since:
        return False
    same = all(str(value) == str(request.get(key)) for key, value in told.items())
    return same and bool({"prompt", "seed"} & told.keys())


def _moderated(told: Mapping[str, Any], reason: str) -> bool:
    """Whether an error says that the content is refused."""
    error = told.get("error")
    code = str(error.get("code", "")) if isinstance(error, Mapping) else ""
    return any(word in f"{code} {reason}".lower() for word in MODERATED)
