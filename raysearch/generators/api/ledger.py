"""What was asked of an endpoint that is paid: a record before each request is sent, and the video as it came.

One file a request, named by its content, below `requests/` in the run folder; the video lies beside it. So a process
that is killed at any time finds what it had asked for. Records are written whole, and never by two processes at a time,
for a Move is carried out by one replica.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.moves import digest

FOLDER = "requests"
WITHDRAWN, SENT, ACCEPTED, DONE, FAILED, REFUSED, LOST = (
    "withdrawn", "sent", "accepted", "done", "failed", "refused", "lost",
)  # fmt: skip


@dataclass(frozen=True)
class Attempt:
    """One request to make a video.

    Attributes:
        at: when it was recorded, seconds since 1970.
        state: `sent` before it is sent and until it is answered, `accepted` with the id of a job, then `done`,
            `failed`, `refused` (by moderation), `lost` (the endpoint knows no such job any more), or `withdrawn` (not
            carried out, and not paid).
        job: the id of the job.
        why: what the endpoint said.
    """

    at: float
    state: str = SENT
    job: str = ""
    why: str = ""


@dataclass(frozen=True)
class Record:
    """A video that was asked for: the fields of the request, and all attempts."""

    name: str
    request: Mapping[str, Any]
    attempts: tuple[Attempt, ...] = field(default=())

    @property
    def last(self) -> Attempt | None:
        """The last attempt that counts; None where there is none."""
        return next((a for a in reversed(self.attempts) if a.state != WITHDRAWN), None)

    @property
    def paid(self) -> int:
        """Attempts that may have been paid."""
        return sum(attempt.state != WITHDRAWN for attempt in self.attempts)


class PaidRequests:
    """The records of a folder."""

    def __init__(self, folder: str):
        self.folder = folder

    def open(self, request: Mapping[str, Any]) -> Record:
        """The record of a request, new or as it was left.

        Raises:
            UsageError: for one that is damaged: what was paid is not known then.
        """
        name = digest(request)
        try:
            told = json.loads(storage.read(self._path(name)))
            return Record(name, request, tuple(Attempt(**a) for a in told["attempts"]))
        except FileNotFoundError:
            return Record(name, request)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(
                f"{self._path(name)} is damaged ({error}); restore it, or remove it to ask again"
            ) from None

    def intend(self, record: Record) -> Record:
        """Record that a request is about to be sent."""
        return self._save(replace(record, attempts=(*record.attempts, Attempt(round(time.time(), 3)))))

    def note(self, record: Record, state: str, job: str = "", why: str = "") -> Record:
        """Record what has become of the last attempt."""
        last = record.attempts[-1]
        changed = replace(last, state=state, job=job or last.job, why=why[:300])
        return self._save(replace(record, attempts=(*record.attempts[:-1], changed)))

    def keep(self, record: Record, video: bytes) -> None:
        """Keep the video, before the record says that it is done."""
        storage.write(self._path(record.name, "mp4"), video)
        self.note(record, DONE, why=hashlib.sha256(video).hexdigest())

    def video(self, record: Record) -> bytes | None:
        """The video of a record that is done; None if the file is gone or is not what was kept."""
        last = record.last
        try:
            video = storage.read(self._path(record.name, "mp4"))
        except FileNotFoundError:
            return None
        return video if last is not None and hashlib.sha256(video).hexdigest() == last.why else None

    def all(self) -> list[Record]:
        """Every record of the folder that can be read."""
        found = []
        for path in storage.files(self.folder):
            if path.endswith(".json"):
                try:
                    told = json.loads(storage.read(path))
                    attempts = tuple(Attempt(**a) for a in told["attempts"])
                    found.append(Record(told["name"], told["request"], attempts))
                except (OSError, ValueError, KeyError, TypeError, RecursionError):
                    continue
        return found

    def path(self, record: Record) -> str:
        """Where a record stands, for messages."""
        return self._path(record.name)

    def _save(self, record: Record) -> Record:
        storage.write(self._path(record.name), json.dumps(asdict(record), indent=1) + "\n")
        return record

    def _path(self, name: str, kind: str = "json") -> str:
        return f"{self.folder}/{name}.{kind}"
