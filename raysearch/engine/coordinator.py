"""The one loop: many searches over one executor, every Outcome in the journal before it is used.

Invariants: a Move is executed once per journal, however many searches ask for it; a search receives its Outcomes in the
order of its Moves, whatever the order of arrival; a lost or forgotten state is made again; a Request that
fails for good ends the searches that need it, not the run. Which search goes on when never changes what it finds.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from raysearch.engine.journal import Journal
from raysearch.engine.task import Finished, Ledger, Observer, Task, recall, refusal, shown
from raysearch.executors import Answer, Executor, Failure, Film, Request
from raysearch.executors.spans import Traced
from raysearch.moves import Move, Outcome

AHEAD = (
    2  # Requests waiting per Request in work, before another search is begun: barriers of one are filled by the next
)


class Coordinator:
    """`run` drives tasks to their end.

    films: which finals to film, see `shown`. filmed: whether the film of a key is there already.
    """

    def __init__(
        self, executor: Executor, journal: Journal, observers: Sequence[Observer] = (), films: str = "none",
        filmed: Callable[[Task, str], bool] = lambda task, key: False,
    ):  # fmt: skip
        self.executor, self.journal, self.observers = executor, journal, observers
        self.films, self.filmed = films, filmed
        self.ledger = Ledger()
        self._moves: dict[str, Request] = {}  # every Request asked for, by the key of its state: the lineage
        self._backlog: deque[Request] = deque()
        self._flying: dict[int, Request] = {}
        self._waiting: dict[tuple[str, str], list[_Live]] = {}  # who needs the answer, by `_asked` of the Request
        self._blocked: dict[str, list[Request]] = {}  # by the state they wait for
        self._rebuilding: dict[str, Request] = {}
        self._kept: dict[str, set[str]] = {}  # states of pilots, by the name of the search that follows
        self._held: Counter[str] = Counter()  # of a state, how many searches on their way have had it

    def run(self, tasks: Iterable[Task]) -> list[Finished]:
        """All tasks, interleaved; results in the order of the tasks. KeyboardInterrupt loses what is in flight."""
        pending, done = deque(_Live(t, i) for i, t in enumerate(tasks)), list[_Live]()
        try:
            while True:
                while pending and len(self._backlog) < AHEAD * self.executor.capacity:
                    self._advance(pending.popleft(), None, done)
                while self._backlog and len(self._flying) < self.executor.capacity:
                    job = self._backlog.popleft()
                    self._flying[self.executor.submit(job)] = job
                if not self._flying:
                    if not pending and not self._backlog:
                        return [live.end for live in sorted(done, key=lambda live: live.order)]
                    continue
                for ticket, answer in self.executor.ready(timeout=0.5):
                    self._answered(self._flying.pop(ticket), answer, done)
                status = self.executor.status() if self.observers else {}
                for observer in self.observers:
                    observer.on_wait(self.ledger, status)
                self._trace()
        finally:
            for live in (*pending, *(w for ws in self._waiting.values() for w in ws)):
                live.task.search.close()

    def _trace(self) -> None:
        """Tell the observers what replicas did, where the executor knows."""
        if isinstance(self.executor, Traced) and (spans := self.executor.spans()):
            for observer in self.observers:
                observer.on_spans(spans)

    def _advance(self, live: _Live, outcomes: list[Outcome] | None, done: list[_Live]) -> None:
        """Hand a search its Outcomes and ask for its next round; recorded Moves answer at once."""
        while True:
            try:
                round = next(live.task.search) if outcomes is None else live.task.search.send(outcomes)
            except StopIteration as stop:
                live.end.result = stop.value
                self._finish_or_film(live, done)
                return
            except ValueError as error:
                live.end.error = refusal(error, outcomes)
                self._finish(live, done)
                return
            live.number += 1
            for observer in self.observers:
                observer.on_round(live.task, live.number, round)
            live.keys = [m.key(live.task.scope) for m in round.moves]
            live.got = {}
            wanted: dict[str, Move] = {}
            for key, move in zip(live.keys, round.moves, strict=True):
                if key not in wanted or move.score:
                    wanted[key] = move
            for key, move in wanted.items():
                self._ask(live, Request(key, live.task.prompt, move))
            live.due = len(wanted)
            if len(live.got) < live.due:
                return
            outcomes = [live.got[k] for k in live.keys]

    def _ask(self, live: _Live, job: Request) -> None:
        known = self._moves.get(job.key)
        if known is None or (known.move and job.move and job.move.score and not known.move.score):
            self._moves[job.key] = job
        recorded = recall(self.journal, job.key, job.move)
        if recorded is not None:
            self.ledger.recalled += job.key not in live.got
            self._give(live, recorded, recalled=True)
            return
        asked = job.key, "score"
        if asked not in self._waiting:  # one that is to be scored gives the state too, but not the other way round
            asked = _asked(job)
        waiting = self._waiting.setdefault(asked, [])
        if waiting:
            self.ledger.shared += live not in waiting
        else:
            self._begin(job)
        if live not in waiting:
            waiting.append(live)

    def _begin(self, job: Request) -> None:
        """Have a Move carried out; where its state was made without a score, or is being made, only the score."""
        if job.move is not None and job.move.score and job.key in self.journal.outcomes:
            self._backlog.append(job.scoring())
        elif job.move is not None and job.move.score and (job.key, "state") in self._waiting:
            self._blocked.setdefault(job.key, []).append(job.scoring())
        else:
            self._backlog.append(job)

    def _give(self, live: _Live, outcome: Outcome, recalled: bool) -> None:
        if outcome.key in live.got:
            return
        live.got[outcome.key] = outcome
        self._held[outcome.key] += outcome.key not in live.states
        live.states.add(outcome.key)
        live.end.cost = live.end.cost + outcome.cost
        for observer in self.observers:
            observer.on_outcome(live.task, outcome, recalled)

    def _answered(self, job: Request, answer: Answer, done: list[_Live]) -> None:
        if isinstance(answer, Failure) and job.only_scores and answer.missing == job.key:
            self._backlog.appendleft(self._moves[job.key])  # the state to be scored is gone: the whole Move again
        elif isinstance(answer, Failure) and answer.missing is not None:
            self._rebuild(answer.missing, job)
        elif isinstance(answer, Failure):
            self._fail(job, answer.reason, done)
        elif isinstance(answer, Film):
            for live in self._waiting.pop(_asked(job), []):
                live.end.films[answer.key] = answer.mp4
                live.wanted.discard(answer.key)
                self._finish_or_film(live, done)
        elif self._rebuilding.get(job.key) is job:
            del self._rebuilding[job.key]
            self.ledger.rebuilt += 1
            self._made(job.key)
        else:
            self._recorded(job, answer, done)

    def _recorded(self, job: Request, outcome: Outcome, done: list[_Live]) -> None:
        """A Move was executed: into the journal with it, then on to all who wait for it."""
        self.ledger.executed += 1
        self.ledger.cost = self.ledger.cost + outcome.cost
        if job.only_scores:
            first = self.journal.outcomes[job.key]
            outcome = replace(outcome, log_ratio=first.log_ratio, cost=first.cost + outcome.cost)
        if outcome.rewards or job.key not in self.journal.outcomes:
            self.journal.record(outcome)
        waiting = self._waiting.pop(_asked(job), [])
        if job.move is not None and job.move.score:
            waiting += self._waiting.pop((job.key, "state"), [])
        for live in waiting:  # all of them, before the first one that ends lets its states be forgotten
            self._give(live, outcome, recalled=False)
        for live in waiting:
            if len(live.got) == live.due:
                self._advance(live, [live.got[k] for k in live.keys], done)
        self._made(job.key)

    def _made(self, key: str) -> None:
        """There is this state: on with what was blocked for it. What nobody wants any more is forgotten."""
        blocked = [job for job in self._blocked.pop(key, []) if self._wanted(job)]
        self._backlog.extendleft(reversed(blocked))
        if not blocked and key not in self._held:
            self.executor.forget([key])

    def _wanted(self, job: Request) -> bool:
        return _asked(job) in self._waiting or self._rebuilding.get(job.key) is job

    def _rebuild(self, key: str, blocked: Request) -> None:
        """Have a lost state made again from its Move, unscored, and the blocked Request after it."""
        self._blocked.setdefault(key, []).append(blocked)
        if key not in self._rebuilding and not {(key, "score"), (key, "state")} & self._waiting.keys():
            move = self._moves[key].move
            assert move is not None
            job = self._rebuilding[key] = Request(key, blocked.prompt, replace(move, score=False))
            self._backlog.appendleft(job)

    def _fail(self, job: Request, reason: str, done: list[_Live]) -> None:
        """End every search that waits for this Request or for one blocked by it."""
        if self._rebuilding.get(job.key) is job:
            del self._rebuilding[job.key]
        for blocked in self._blocked.pop(job.key, []):
            self._fail(blocked, reason, done)
        for live in self._waiting.pop(_asked(job), []):
            live.end.error = live.end.error or reason
            self._leave(live)
            self._finish(live, done)

    def _leave(self, live: _Live) -> None:
        """Strike a failed search from every list, and from the backlog the Requests that nobody else waits for."""
        alone = {of for of, others in self._waiting.items() if others == [live] and of[0] not in self._blocked}
        self._waiting = {
            of: [w for w in others if w is not live] for of, others in self._waiting.items() if of not in alone
        }
        self._backlog = deque(j for j in self._backlog if _asked(j) not in alone)

    def _finish_or_film(self, live: _Live, done: list[_Live]) -> None:
        """Once a search has its result, have its videos made; once they are there, it is finished."""
        result = live.end.result
        if result is not None and not live.filmed and not live.task.pilot:
            live.filmed = True
            for key in shown(result, self.films):
                if self.filmed(live.task, key):
                    live.end.films[key] = None
                else:
                    live.wanted.add(key)
            for key in sorted(live.wanted):
                job = Request(key, live.task.prompt, None)
                waiting = self._waiting.setdefault(_asked(job), [])
                if not waiting:
                    self._backlog.append(job)
                waiting.append(live)
        if not live.wanted:
            self._finish(live, done)

    def _finish(self, live: _Live, done: list[_Live]) -> None:
        if live.finished:
            return
        live.finished = True
        done.append(live)
        live.task.search.close()
        kept = self._kept.pop(live.task.name, set())
        if live.task.pilot:
            self._kept[live.task.name] = kept | live.states  # for the search that follows, which lets go of them
            return
        self._held.subtract([*live.states, *kept])
        gone = [key for key in live.states | kept if not self._held[key]]
        for key in gone:
            del self._held[key]
        self.executor.forget(gone)
        for observer in self.observers:
            observer.on_finish(live.end)


def _asked(job: Request) -> tuple[str, str]:
    """What is asked of a key: its film, its state alone, or with a score."""
    return job.key, "film" if job.move is None else "score" if job.move.score else "state"


@dataclass(eq=False)
class _Live:
    """A search on its way."""

    task: Task
    order: int
    number: int = 0
    keys: list[str] = field(default_factory=list)
    due: int = 0  # distinct ones among them
    got: dict[str, Outcome] = field(default_factory=dict)
    states: set[str] = field(default_factory=set)
    wanted: set[str] = field(default_factory=set)
    filmed: bool = False
    finished: bool = False

    def __post_init__(self) -> None:
        self.end = Finished(self.task)
