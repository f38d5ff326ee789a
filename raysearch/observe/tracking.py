"""What a tracker is given of a run: numbers of every read, of the run as a whole, the table and films of the end.

A thread of its own hands it over, so that a server that is slow, away or full never holds up a search: after one
failure the tracker is left alone, with one warning. `tracker.json` in the run folder remembers by which id the tracker
knows the run and what it has, so that a resumed run goes on with the same one and logs nothing twice.
"""

from __future__ import annotations

import json
import math
import queue
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any

from raysearch import config, storage
from raysearch.config.settings import Job
from raysearch.engine.task import Finished, Ledger, Observer, Task
from raysearch.moves import Outcome, Round, digest
from raysearch.observe import trackers
from raysearch.observe.progress import Status

WHERE = ("run", "cluster", "track", "films", "latents")  # keys of a job that change nothing of what it computes
STATE = "tracker.json"
EVERY_S = 10.0  # between two rows of the run as a whole
KEPT_S = 30.0  # between two writings of tracker.json
PATIENCE_S = 60.0  # for what is not sent when the run has ended
FILMS = 8  # at most, of the searches with the highest rewards
COLUMNS = ("search", "prompt", "best reward", "NFE", "reward calls", "seconds", "error")
COUNTED = ("restarts", "retries", "hedges", "mismatches")
SHOWN = ("alive", "busy", "queue")

LogCall = Callable[[trackers.Tracker], None]


@dataclass
class TrackerState:
    """What the tracker has of a run; the numbers are of all earlier invocations.

    Attributes:
        name: the tracker.
        of: hash of what the run computes; another job in the same folder is another run of the tracker.
        id: by which the tracker knows the run; empty before it does.
        reads: reads that it has, by search.
        nfe: network evaluations executed.
        moves: Moves executed.
        seconds: of the invocations.
    """

    name: str
    of: str
    id: str = ""
    reads: dict[str, int] = field(default_factory=dict)
    nfe: int = 0
    moves: int = 0
    seconds: float = 0.0


@dataclass
class _Read:
    """One Round of a search, as its Outcomes come in."""

    number: int = 0  # of the reads, that is of the Rounds with a score
    rewards: list[float] = field(default_factory=list)
    best: float = -math.inf  # of the whole search
    nfe: int = 0  # of the whole search


class Tracking(Observer):
    """Observer and context manager that gives a tracker what happens.

    Args:
        spec: of the tracker, as `trackers.read` gives it.
        job: the job.
        folder: its run folder.
        clock: seconds, monotonic.
    """

    def __init__(self, spec: Mapping[str, Any], job: Job, folder: str, clock: Callable[[], float] = time.monotonic):
        self._folder, self._clock, self._began, plain = folder, clock, clock(), config.plain(job)
        self._ledger, self._status = Ledger(), dict[str, Mapping[str, Any]]()
        of = digest({k: v for k, v in plain.items() if k not in WHERE})
        self._state = _kept(folder, TrackerState(spec["name"], of))
        title = folder.rstrip("/").rsplit("/", 1)[-1]
        about = trackers.RunFacts(folder, title, plain, of[:8], self._state.id)
        self._reads: dict[str, _Read] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._sent = dict(self._state.reads)
        self._logged = -math.inf
        self._worker = _Worker(lambda: trackers.create(spec, about), self._keep)

    def __enter__(self) -> Tracking:
        self._worker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._whole()
        if error is None and self._sent != self._state.reads:  # else an earlier invocation has told the end
            self._end()
        self._worker.finish(error is not None)

    def on_round(self, task: Task, number: int, round: Round) -> None:
        """Give the read before, of which the note of this Round tells ESS and lambda, and begin the next."""
        if not task.pilot:
            self._read(task.name, round.note)

    def on_outcome(self, task: Task, outcome: Outcome, recalled: bool) -> None:
        """Gather the rewards of the read."""
        if task.pilot:  # the search that follows receives the same
            return
        now = self._reads.setdefault(task.name, _Read())
        now.nfe += outcome.cost.nfe
        if outcome.reward == outcome.reward:
            now.rewards.append(outcome.reward)
            now.best = max(now.best, outcome.reward)

    def on_finish(self, finished: Finished) -> None:
        """Give the last read, and keep a row of the final table."""
        name, result, cost = finished.task.name, finished.result, finished.cost
        last = {k: v[-1] for k, v in result.notes.items() if isinstance(v, list) and v} if result else {}
        self._read(name, last)
        self._reads.pop(name, None)
        best = result.winner.reward if result else None
        took = round(cost.generate_s + cost.reward_s, 2)
        prompt = finished.task.prompt.text[:200]
        self._rows.append((name, prompt, best, cost.nfe, cost.reward_calls, took, finished.error or ""))

    def on_wait(self, ledger: Ledger, status: Status) -> None:
        """Give the run as a whole if the last such row is ten seconds old."""
        self._ledger, self._status = ledger, dict(status)
        if self._clock() - self._logged >= EVERY_S:
            self._whole()

    def _read(self, search: str, note: Mapping[str, Any]) -> None:
        now = self._reads.setdefault(search, _Read())
        if not now.rewards:
            return
        now.number += 1
        values = {"reward_mean": statistics.fmean(now.rewards), "reward_max": max(now.rewards), "best": now.best,
                  "nfe": now.nfe, "ess": note.get("ess"), "lambda": note.get("lambda")}  # fmt: skip
        now.rewards = []
        if now.number <= self._sent.get(search, 0):
            return  # an earlier invocation has given it
        self._sent[search] = now.number
        named, number, done = {f"searches/{search}/{k}": v for k, v in values.items()}, now.number, dict(self._sent)
        self._worker.give(lambda tracker: tracker.numbers(_finite(named), number), reads=done)

    def _whole(self) -> None:
        """A row of the run as a whole, against the NFE that all invocations have executed."""
        self._logged = self._clock()
        state, ledger = self._state, self._ledger
        nfe, seconds = state.nfe + ledger.cost.nfe, state.seconds + self._clock() - self._began
        moves = state.moves + ledger.executed
        bests = [now.best for now in self._reads.values()] + [row[2] for row in self._rows if row[2] is not None]
        bests = [best for best in bests if math.isfinite(best)]
        values: dict[str, Any] = {"moves": moves, "recalled": ledger.recalled, "seconds": round(seconds, 1),
                                  "searches_done": len(self._rows)}  # fmt: skip
        values["searches_failed"] = sum(bool(row[-1]) for row in self._rows)
        values |= {"best": max(bests), "best_mean": statistics.fmean(bests)} if bests else {}
        for pool, told in self._status.items():
            values |= {f"{pool}_{k}": told[k] for k in (*SHOWN, *COUNTED) if k in told}
        named = {f"run/{k}": v for k, v in values.items()}
        done = {"nfe": nfe, "moves": moves, "seconds": seconds}
        self._worker.give(lambda tracker: tracker.numbers(_finite(named), nfe), **done)

    def _end(self) -> None:
        """The table of all searches, and the films of the best."""
        rows = sorted(self._rows, key=lambda row: -math.inf if row[2] is None else row[2], reverse=True)
        self._worker.give(lambda tracker: tracker.table("searches", COLUMNS, rows))
        for name, *_ in [row for row in rows if row[2] is not None][:FILMS]:
            try:
                mp4 = storage.read(f"{self._folder}/best/{name}.mp4")
            except (OSError, ValueError):
                continue  # the job keeps no films
            self._worker.give(lambda tracker, name=name, mp4=mp4: tracker.video(f"best/{name}", mp4))  # type: ignore[misc]

    def _keep(self, id: str, done: Mapping[str, Any]) -> None:
        """Remember what the tracker has."""
        state = TrackerState(**{**asdict(self._state), **done, "id": id})
        storage.write(f"{self._folder}/{STATE}", json.dumps(asdict(state)))


class _Worker:
    """The thread in which a tracker is begun, given what there is, and closed."""

    def __init__(self, begin: Callable[[], trackers.Tracker], keep: Callable[[str, Mapping[str, Any]], None]):
        self._begin, self._keep = begin, keep
        self._calls: queue.SimpleQueue[tuple[LogCall, Mapping[str, Any]] | bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="tracker", daemon=True)
        self.broken = False

    def start(self) -> None:
        self._thread.start()

    def give(self, call: LogCall, **done: Any) -> None:
        """Hand over what is to be told. done: what the tracker has then, by field of TrackerState."""
        if not self.broken:
            self._calls.put((call, done))

    def finish(self, failed: bool) -> None:
        """Close the tracker once all is told; after PATIENCE_S without an end it is left behind."""
        self._calls.put(failed)
        self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            self._warn(f"it has not taken everything within {PATIENCE_S:.0f} s")

    def _work(self) -> None:
        """File systems, servers and libraries raise errors of many kinds, and none of them may end a run."""
        try:
            tracker, done, kept = self._begin(), dict[str, Any](), time.monotonic()
            self._keep(tracker.id, done)
            while True:
                call = self._calls.get()
                if isinstance(call, bool):
                    tracker.close(call)
                    self._keep(tracker.id, done)
                    return
                call[0](tracker)
                done |= call[1]
                if time.monotonic() - kept > KEPT_S:
                    tracker.flush()
                    self._keep(tracker.id, done)
                    kept = time.monotonic()
        except Exception as error:
            self._warn(f"{type(error).__name__}: {error}")

    def _warn(self, why: str) -> None:
        self.broken = True
        print(f"the tracker cannot be written to and is left alone ({' '.join(why.split())}); the run continues",
              flush=True)  # fmt: skip


def _kept(folder: str, new: TrackerState) -> TrackerState:
    """What tracker.json says; a new state where it says nothing of this tracker and job."""
    try:
        state = TrackerState(**json.loads(storage.read(f"{folder}/{STATE}")))
    except (OSError, ValueError, TypeError):
        return new
    return state if (state.name, state.of) == (new.name, new.of) else new


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    return {k: float(v) for k, v in values.items() if isinstance(v, (int, float)) and math.isfinite(v)}
