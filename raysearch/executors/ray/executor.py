"""The executor on Ray: a pool of generators, a pool of rewards, and nothing but keys, numbers and refs in between.

A Job is one call on a generator, whose view goes by reference to a reward replica as soon as it is there. Each call
answers with large objects and a small one; only the small one is ever fetched here. Invariants: the driver never
touches latents; every call has a deadline; a Job may run twice at a time (a hedge), but is answered and paid for once;
a Job that fails on two replicas fails for good.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from typing import Any

import ray
from ray.exceptions import ObjectLostError, OutOfMemoryError, RayActorError, RayError, RayTaskError

from raysearch.config.settings import ClusterConfig
from raysearch.executors import Answer, Failure, Film, Job
from raysearch.executors.inline import outcome
from raysearch.executors.policy import DEPTH, SEEN_AHEAD, Line
from raysearch.executors.ray.critic import CriticLost, choose, effort
from raysearch.executors.ray.pool import Pool, reason
from raysearch.executors.ray.pools import Pools
from raysearch.executors.ray.replica import Replica
from raysearch.executors.ray.states import Call, Errand, States
from raysearch.sampling.workers import Made

ATTEMPTS = 2  # on this many replicas a Job may fail by its own fault


class RayExecutor:
    """The pools of `cluster`, and the errands between them. store: folder in which states outlive their node."""

    def __init__(self, cluster: ClusterConfig, generator: Any, rewards: list[dict[str, Any]], store: str | None = None):
        self._cluster, self._pools = cluster, Pools(cluster, generator, rewards, store)
        self.generators, self.rewards = self._pools.generators, self._pools.rewards
        self.capacity = SEEN_AHEAD * cluster.generators.replicas + DEPTH * cluster.rewards.replicas
        self.states = States()
        self._lines: dict[Pool, Line[Errand]] = {pool: Line() for pool in self._pools}
        self._flying: dict[Any, Call] = {}
        self._answers: list[tuple[int, Answer]] = []
        self._tickets = self.retries = self.hedges = self.hedges_won = self.mismatches = 0

    def submit(self, job: Job) -> int:
        self._tickets += 1
        self._line_up(Errand(self._tickets, job))
        return self._tickets

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        self._dispatch()
        refs = [*self._flying, *(ref for pool in self._pools for ref in pool.waits())]
        if not refs:
            time.sleep(min(timeout, 0.05))
        elif not self._answers:
            done, _ = ray.wait(refs, num_returns=1, timeout=timeout, fetch_local=False)
            if done and len(refs) > 1:  # and whatever else is there already
                done, _ = ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)
            for ref in done:
                if ref in self._flying:
                    self._landed(self._flying.pop(ref), ref)
        self._watch()
        self._dispatch()
        answers, self._answers = self._answers, []
        return answers

    def forget(self, keys: Iterable[str]) -> None:
        self.states.forget(keys)

    def status(self) -> dict[str, dict[str, Any]]:
        found = {
            name: pool.status(len(self._lines[pool]))
            for name, pool in (("generators", self.generators), ("rewards", self.rewards))
        }
        found["generators"] |= {
            "retries": self.retries, "hedges": self.hedges, "hedges_won": self.hedges_won,
            "mismatches": self.mismatches, "moved_bytes": self.states.moved_bytes, "moved_states": self.states.moved,
        }  # fmt: skip
        return found

    def close(self) -> None:
        self._pools.close()

    def _watch(self) -> None:
        """Bring replicas along, replace what is late, hedge stragglers."""
        for call, why in self._pools.look_after():
            self._ended(call)
            self._again(call, why, fault=False)
        for pool in self._pools:
            for replica in pool.overdue():
                self._lost(pool, replica, f"no answer within the deadline of {pool.name}")
            if not len(self._lines[pool]) and self._may_begin(pool):
                self._hedge(pool)

    def _line_up(self, errand: Errand, first: bool = False) -> None:
        """Wait for a replica of the stage the errand is in."""
        job = errand.job
        if errand.view is not None:
            self._lines[self.rewards].put(errand, 1.0, None, errand.avoid, first)
            return
        node = self.states.node(job.needs)
        self._lines[self.generators].put(errand, self._work(job) or 1.0, node, errand.avoid, first)

    def _work(self, job: Job) -> float | None:
        """Network evaluations at the most, or what takes as long; None for a film."""
        return None if job.move is None else effort(job.move, self.states.start(job.move))

    def _dispatch(self) -> None:
        """Give waiting errands to the replicas that would finish them first."""
        for pool, line in self._lines.items():
            if not self._may_begin(pool):
                continue
            lanes = pool.lanes
            line.alive({replica.node for replica in lanes})
            for errand, replica in line.match([r for r in lanes if r.room], lanes):
                self._send(errand, pool, replica)

    def _may_begin(self, pool: Pool) -> bool:
        """Generators wait for the rewards' size; where guides ask reward replicas, until one is ready to answer."""
        if pool is self.rewards:
            return True
        return bool(self.rewards.lanes) if self._cluster.guide_from == "remote" else self.rewards.has_loaded

    def _send(self, errand: Errand, pool: Pool, replica: Replica, hedge: bool = False) -> None:
        job, leader, parent = errand.job, replica.group.leader, self.states.ref(errand.job.needs)
        call = Call(errand, pool, replica, self._work(job), hedge=hedge)
        if pool is self.rewards:
            call.work, call.refs = 1.0, [leader.score.remote(errand.view, job.prompt)]
        elif job.move is None:
            call.refs = [leader.film.remote(job.key, job.prompt, parent)]
        else:
            size, asked, method = self.rewards.loaded_with, None, leader.advance.options(num_returns=3)
            if job.move.guide is not None and self._cluster.guide_from == "remote":
                half = self.generators.usual.deadline(call.work) / 2
                call.critic, asked = choose(self.rewards, self._flying.values(), half)
            call.state, call.view, ref = method.remote(size, job.move, job.key, job.prompt, parent, asked)
            call.refs = [ref, *(p.follow.remote(job.move, job.key, job.prompt, parent) for p in replica.group.peers)]
        if pool is self.generators:
            self.states.sent(job.needs, replica.node)
        errand.calls.append(call)
        pool.began(replica, call)
        for ref in call.refs:
            self._flying[ref] = call

    def _hedge(self, pool: Pool) -> None:
        """Begin stragglers a second time on replicas that have nothing to do; the first answer counts."""
        idle = [r for r in pool.lanes if not r.calls]
        for call in pool.stragglers(self._cluster.hedge) if idle else ():
            alone = len(call.errand.at(pool)) == 1 and call.errand.job.move is not None
            if alone and idle and idle[-1] is not call.replica:
                self.hedges += 1
                self._send(call.errand, pool, idle.pop(), hedge=True)

    def _landed(self, call: Call, ref: Any) -> None:
        pool, replica = call.pool, call.replica
        if ref is not call.refs[0]:  # another rank: only its failure says anything
            self._follower(call, ref)
            return
        try:
            answer = ray.get(ref)
        except RayActorError as error:
            planned = getattr(error, "preempted", False) or "placement group was removed" in str(error)
            self._lost(pool, replica, reason(error), blame=not planned)
        except ObjectLostError as error:
            self._ended(call)
            self._again(call, reason(error), fault=False)
        except RayTaskError as error:
            self._ended(call)
            if isinstance(error.cause, ObjectLostError):  # an argument, not the call
                self._argument_lost(call)
                return
            if isinstance(error.cause, CriticLost) and call.critic is not None:
                self._lost(self.rewards, call.critic, reason(error))
                call.errand.bereft += 1
                self._again(call, reason(error), fault=call.errand.bereft > ATTEMPTS)
                return
            self._again(call, reason(error))
            if pool.fault(replica) or "CUDA error" in str(error):  # of no use any more
                self._lost(pool, replica, reason(error), blame=False)
        except OutOfMemoryError:  # Ray's memory monitor killed it; that is no RayActorError
            lacking = f"its node ran out of memory; lower {pool.name}.replicas, or set {pool.name}.memory_gb"
            self._lost(pool, replica, lacking)
        except RayError as error:
            self._lost(pool, replica, reason(error))
        else:
            self._answered(call, answer)

    def _follower(self, call: Call, ref: Any) -> None:
        try:
            ray.get(ref)
        except RayError as error:
            self._lost(call.pool, call.replica, f"a rank of it failed: {reason(error)}")

    def _ended(self, call: Call, seconds: float = 0.0, work: float = 0.0) -> None:
        call.pool.ended(call.replica, call, seconds, work)
        if call in call.errand.calls:
            call.errand.calls.remove(call)

    def _answered(self, call: Call, answer: Any) -> None:
        errand, job = call.errand, call.errand.job
        if call.pool is self.rewards:
            found, seconds = answer
            self._ended(call, seconds, 1.0)
            if not errand.answered:
                assert errand.made is not None
                self._answer(errand, outcome(job.key, errand.made, found, seconds))
        elif job.move is None:
            self._ended(call)
            if not errand.answered:
                lost = Failure(job.key, f"state {job.key} is neither held nor stored", missing=job.key)
                self._answer(errand, lost if answer is None else Film(job.key, answer))
        else:
            self._ended(call, answer.seconds, answer.nfe)
            if errand.made is not None and answer.hash:
                self._compare(errand, answer)
            if not errand.answered and errand.made is None:
                self._moved(call, answer)

    def _moved(self, call: Call, made: Made) -> None:
        """A Move is done: keep its state, and have its view scored."""
        errand, job = call.errand, call.errand.job
        assert job.move is not None
        if made.missing:
            self._missing(errand, job.move.parent)
            return
        errand.made = made
        self.states.keep(job.key, call.state, call.replica.node, made.bytes, job.move.to)
        self.hedges_won += call.hedge
        if job.move.score and job.move.to > 0:
            errand.view, errand.avoid = call.view, None
            self._line_up(errand)
        else:
            self._answer(errand, outcome(job.key, made, {}, 0.0))

    def _compare(self, errand: Errand, made: Made) -> None:
        """The other of two runs of the same Move: equal Moves make equal states, or something is wrong."""
        assert errand.made is not None
        if made.hash != errand.made.hash:
            self.mismatches += 1
            warnings.warn(
                f"Move {errand.job.key} gave other latents on another replica: results may depend on where they are "
                "made; are all replicas on the same kind of device?", RuntimeWarning, stacklevel=2,
            )  # fmt: skip

    def _answer(self, errand: Errand, answer: Answer) -> None:
        errand.answered, errand.view = True, None
        self._answers.append((errand.ticket, answer))

    def _lost(self, pool: Pool, replica: Replica, why: str, blame: bool = True) -> None:
        """A replica died or froze: replace it, and send its calls elsewhere. Only the first may be to blame."""
        calls = pool.replace(replica)
        for ref in [r for r, c in self._flying.items() if c in calls]:
            del self._flying[ref]
        for i, call in reversed(list(enumerate(calls))):
            self._ended(call)
            self._again(call, f"{pool.name}: {why}", fault=i == 0 and blame)

    def _again(self, call: Call, why: str, fault: bool = True) -> None:
        """Queue an errand once more, unless a second attempt is under way, or give its Job up after ATTEMPTS faults."""
        errand = call.errand
        passed = call.pool is self.generators and errand.made is not None  # its other attempt got through
        if errand.answered or passed:
            return
        errand.failures += fault
        if errand.failures >= ATTEMPTS:
            self._answer(errand, Failure(errand.job.key, f"failed on {ATTEMPTS} replicas: {why}"))
        elif not errand.at(call.pool):
            self.retries += 1
            errand.avoid = call.replica if fault else None
            self._line_up(errand, first=True)

    def _argument_lost(self, call: Call) -> None:
        """What a call was to work on died with its node: a view is made again here, a parent by the coordinator."""
        errand = call.errand
        if errand.answered or errand.at(call.pool):
            return
        if call.pool is self.rewards:
            self.states.forget([errand.job.key])
            errand.made = errand.view = None
            self.retries += 1
            self._line_up(errand, first=True)
        elif errand.made is None:
            self._missing(errand, errand.job.needs)

    def _missing(self, errand: Errand, key: str | None) -> None:
        self.states.forget([key or ""])
        self._answer(errand, Failure(errand.job.key, f"state {key} is neither held nor stored", missing=key))
