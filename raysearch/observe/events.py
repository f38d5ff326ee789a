"""The event log: what happened when, one JSON object per line, for other tools that follow a run.

`events.jsonl` in the run folder grows with every invocation; where a file system cannot append, every writing is a new
segment `events/NNNNN.jsonl`. Lines are gathered and written at most every second (segments: every half minute). A log
that cannot be written is disabled after one printed warning, and the run continues. docs/observability.md describes the
events.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

import fsspec

from raysearch import config, storage
from raysearch.config.settings import Job
from raysearch.engine.task import Finished, Ledger, Observer, Task
from raysearch.executors.spans import Span
from raysearch.moves import Outcome, Round, digest, encode
from raysearch.observe.progress import Status

EVENTS = "events"
FLUSH_S, SEGMENT_S, POOLS_S, SPANS = 1.0, 30.0, 10.0, 256  # the last: spans in a line, at most
SHORT = 12  # characters of a key that tell the states of a run apart


class EventLog(Observer):
    """Observer and context manager: entering writes `started`, leaving `ended`, `interrupted` or `failed`.

    Args:
        job: The job.
        folder: Its run folder.
        searches: Number of searches.
        versions: Versions of the libraries, by name.
        began: Time of the clock at which the invocation began, before the executor was started; now by default.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, job: Job, folder: str, searches: int, versions: Mapping[str, str], began: float | None = None,
        clock: Callable[[], float] = time.time,
    ):  # fmt: skip
        self._clock, self._lines, self._broken = clock, list[str](), False
        self._fs, self._root = fsspec.core.url_to_fs(folder)
        self._appends = storage.appends(self._fs)
        self._segment: int | None = None
        self._flushed = self._pooled = clock()
        self._began = self._flushed if began is None else began
        self._ledger, self._status, self._spans = Ledger(), dict[str, Any](), list[list[Any]]()
        self._about = {
            "run": folder, "searches": searches, "executor": job.cluster.executor, "versions": dict(versions),
            "config": digest(config.plain(job)), "strategy": job.search.get("name"), "seed": job.seed,
            "pools": {name: asdict(getattr(job.cluster, name)) for name in ("generators", "rewards")},
        }  # fmt: skip

    def __enter__(self) -> EventLog:
        self._write("started", after_s=round(self._clock() - self._began, 3), **self._about)
        self._flush()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        how = "ended" if error is None else "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        more = {"error": f"{type(error).__name__}: {error}"} if how == "failed" else {}
        self._write_spans()
        self._write(how, seconds=round(self._clock() - self._began, 3), **self._totals(), **more)
        self._flush()

    def on_round(self, task: Task, number: int, round: Round) -> None:
        """Write `round`: the numbers and texts of its note, how many ancestors are left, and who descends from whom."""
        note = {k: v for k, v in round.note.items() if isinstance(v, (int, float, str))}
        if round.note.get("ancestors") is not None:
            note["unique_ancestors"] = len(set(round.note["ancestors"]))
        of = {"weights": [float(f"{w:.4g}") for w in weights]} if (weights := round.note.get("weights")) else {}
        keys = [move.key(task.scope)[:SHORT] for move in round.moves]
        parents = [move.parent and move.parent[:SHORT] for move in round.moves]
        self._write("round", search=task.name, round=number, moves=len(round.moves), note=note, keys=keys,
                    parents=parents, **of)  # fmt: skip

    def on_outcome(self, task: Task, outcome: Outcome, recalled: bool) -> None:
        """Write `outcome`: key, reward and cost."""
        self._write("outcome", search=task.name, key=outcome.key, reward=outcome.reward, recalled=recalled,
                    **_rounded(outcome.cost))  # fmt: skip

    def on_finish(self, finished: Finished) -> None:
        """Write `finished`: the best reward and the hash of the result, or the error."""
        result = finished.result
        best = {"reward": result.winner.reward, "key": result.winner.key, "hash": result.digest()} if result else {}
        self._write("finished", search=finished.task.name, error=finished.error, **best, **_rounded(finished.cost))

    def on_spans(self, spans: Sequence[Span]) -> None:
        """Gather what replicas did; `spans` is written when there is enough for a line, and with `pools`."""
        self._spans += [[s.pool, s.slot, s.what, round(s.began, 3), round(s.seconds, 3), round(s.decode_s, 3)]
                        for s in spans]  # fmt: skip
        if len(self._spans) >= SPANS:
            self._write_spans()

    def on_wait(self, ledger: Ledger, status: Status) -> None:
        """Write `pools` if the last one is ten seconds old, and all lines that are due."""
        self._ledger, self._status = ledger, dict(status)
        now = self._clock()
        if now - self._pooled >= POOLS_S:
            self._pooled = now
            self._write("pools", **self._totals())
            self._write_spans()
        self._due()

    def _write_spans(self) -> None:
        if self._spans:
            self._write("spans", spans=self._spans)
            self._spans = []

    def _totals(self) -> dict[str, Any]:
        ledger = {k: v for k, v in asdict(self._ledger).items() if k != "cost"}
        return {"ledger": ledger | _rounded(self._ledger.cost), "pools": self._status}

    def _write(self, event: str, **fields: Any) -> None:
        if self._broken:
            return
        when = datetime.fromtimestamp(self._clock(), timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": when.replace("+00:00", "Z"), "event": event, **fields}
        self._lines.append(json.dumps(encode(line), allow_nan=False) + "\n")
        self._due()

    def _due(self) -> None:
        if self._clock() - self._flushed >= (FLUSH_S if self._appends else SEGMENT_S):
            self._flush()

    def _flush(self) -> None:
        """Write what has gathered. File systems raise errors of many kinds, and none of them may end a run."""
        if self._broken or not self._lines:
            return
        text, self._lines, self._flushed = "".join(self._lines), [], self._clock()
        try:
            self._put(text.encode())
        except Exception as error:
            self._broken = True
            why = " ".join(f"{type(error).__name__}: {error}".split())
            print(
                f"the event log in {self._root} cannot be written and is disabled ({why}); the run continues",
                flush=True,
            )

    def _put(self, data: bytes) -> None:
        if not self._appends:
            folder = f"{self._root}/{EVENTS}"
            if self._segment is None:
                self._fs.makedirs(folder, exist_ok=True)
                self._segment = len(segments(self._fs, self._root))
            self._fs.pipe_file(f"{folder}/{self._segment:05d}.jsonl", data)
            self._segment += 1
            return
        path = f"{self._root}/{EVENTS}.jsonl"
        if self._segment is None:
            self._segment = 0
            if self._fs.isfile(path) and self._fs.size(path) and self._fs.tail(path, 1) != b"\n":
                data = b"\n" + data  # the invocation before was killed in the middle of a line
        storage.append(path, data)


def segments(fs: Any, root: str) -> list[str]:
    """Paths of the files of the log, oldest first."""
    if fs.isfile(f"{root}/{EVENTS}.jsonl"):
        return [f"{root}/{EVENTS}.jsonl"]
    folder = f"{root}/{EVENTS}"
    fs.invalidate_cache(folder)  # others write there
    found = sorted(fs.ls(folder, detail=False)) if fs.isdir(folder) else []
    while not storage.appends(fs):  # a listing may lag behind, a look at the next name does not
        fs.invalidate_cache(folder)
        path = f"{folder}/{len(found):05d}.jsonl"
        if not fs.exists(path):
            break
        found.append(path)
    return found


def _rounded(cost: Any) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(cost).items()}
