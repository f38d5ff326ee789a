"""The executor on Ray: a pool of generators, a pool of rewards, and nothing but keys, numbers and refs in between.

A Job is one call on a generator, whose view goes by reference to a reward replica as soon as it is there. Each call
answers with large objects and a small one; only the small one is ever fetched here. Invariants: the driver never
touches latents; every call has a deadline; a Job that fails on two replicas fails for good.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, ObjectLostError, RayActorError, RayError, RayTaskError

from raysearch.config import ClusterConfig, PoolConfig
from raysearch.errors import UsageError
from raysearch.executors import Answer, Failure, Film, Job
from raysearch.executors.inline import outcome
from raysearch.executors.pool import DEPTH, Pool, Replica, reason
from raysearch.executors.work import GeneratorWorker, Made, RewardWorker, colocated
from raysearch.moves import Move

ATTEMPTS = 2  # on this many replicas a Job may fail by its own fault


@dataclass(eq=False)
class Call:
    """A Job on its way: first on a generator, then (view is set) on a reward replica.

    critic: the reward replica that a guide asks meanwhile; bereft: how often it was lost.
    """

    ticket: int
    job: Job
    pool: Pool | None = None
    replica: Replica | None = None
    failures: int = 0
    critic: Replica | None = None
    bereft: int = 0
    work: float | None = None
    made: Made | None = None
    state: Any = None
    view: Any = None


class CriticLost(Exception):
    """The reward replica that a guide asked died or gave no answer in time: no fault of the Move."""


@dataclass(frozen=True)
class RemoteCritic:
    """A reward replica as a guide asks it, from within a generator's call."""

    actor: Any
    timeout: float

    def __call__(self, view: Any) -> Any:
        try:
            return ray.get(self.actor.gradient.remote(view), timeout=self.timeout)
        except (RayActorError, GetTimeoutError) as error:
            raise CriticLost(f"the reward replica that the guide asked: {reason(error)}") from None


class RayExecutor:
    """Joins or starts Ray, checks that the cluster is large enough, and starts both pools."""

    def __init__(self, cluster: ClusterConfig, generator: Any, rewards: list[dict[str, Any]], store: str | None = None):
        self._owns = connect(cluster)
        feasible(cluster)
        device = {name: "cuda" if pool.num_gpus else "cpu" for name, pool in _pools(cluster).items()}

        def make_reward() -> Any:
            actor = ray.remote(RewardWorker).options(**_options(cluster.rewards))
            return actor.remote(rewards, cluster.rewards.threads, device["rewards"])

        limits = cluster.load_timeout_s, cluster.deadline_s
        self.rewards: Pool[Call] = Pool("cluster.rewards", make_reward, cluster.rewards.replicas, *limits)
        size = self._view_size(cluster.load_timeout_s)

        threads, there = cluster.generators.threads, device["generators"]
        self._remote_critics = cluster.guide_from == "remote"
        critic = None if self._remote_critics else partial(colocated, rewards[:1], threads, there)

        def make_generator() -> Any:
            actor = ray.remote(GeneratorWorker).options(**_options(cluster.generators))
            return actor.remote(generator, size, threads, there, store, critic)

        self.generators: Pool[Call] = Pool("cluster.generators", make_generator, cluster.generators.replicas, *limits)
        self.capacity = DEPTH * (cluster.generators.replicas + cluster.rewards.replicas)
        self._queues: dict[Pool, deque[Call]] = {self.generators: deque(), self.rewards: deque()}
        self._flying: dict[Any, Call] = {}
        self._states: dict[str, tuple[Any, Replica | None]] = {}
        self._answers: list[tuple[int, Answer]] = []
        self._tickets = 0

    def submit(self, job: Job) -> int:
        self._tickets += 1
        self._queues[self.generators].append(Call(self._tickets, job))
        return self._tickets

    def ready(self, timeout: float) -> list[tuple[int, Answer]]:
        self._dispatch()
        refs = [*self._flying, *self.generators.waits(), *self.rewards.waits()]
        if refs and not self._answers:
            done, _ = ray.wait(refs, num_returns=1, timeout=timeout, fetch_local=False)
            for ref in done:
                if ref in self._flying:
                    self._landed(self._flying.pop(ref), ref)
        for pool in (self.generators, self.rewards):
            pool.loaded()
            for replica in pool.overdue():
                self._lost(pool, replica, f"no answer within the deadline of {pool.name}")
        self._dispatch()
        answers, self._answers = self._answers, []
        return answers

    def forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._states.pop(key, None)

    def status(self) -> dict[str, dict[str, float]]:
        return {
            "generators": self.generators.status(len(self._queues[self.generators])),
            "rewards": self.rewards.status(len(self._queues[self.rewards])),
        }

    def close(self) -> None:
        self.generators.close()
        self.rewards.close()
        self._states.clear()
        if self._owns:
            ray.shutdown()

    def _view_size(self, timeout: float) -> int | None:
        """Asked of the first reward replica, before generators start: they reduce what they send."""
        try:
            return ray.get(self.rewards.replicas[0].actor.size.remote(), timeout=timeout)
        except RayError as error:
            raise UsageError(f"reward: the model cannot be loaded: {reason(error)}") from None

    def _dispatch(self) -> None:
        """Send waiting calls wherever there is room, in order."""
        for pool, queue in self._queues.items():
            while queue:
                call = queue[0]
                _, home = self._states.get(call.job.needs or "", (None, None))
                replica = pool.pick(prefer=home, avoid=call.replica if call.failures else None)
                if replica is None:
                    break
                queue.popleft()
                self._send(call, pool, replica)

    def _send(self, call: Call, pool: Pool, replica: Replica) -> None:
        job, actor = call.job, replica.actor
        parent, _ = self._states.get(job.needs or "", (None, None))
        if pool is self.rewards:
            call.work, ref = 1.0, actor.score.remote(call.view, job.prompt)
        elif job.move is None:
            call.work, ref = None, actor.film.remote(job.key, job.prompt, parent)
        else:
            call.work, method = effort(job.move), actor.advance.options(num_returns=3)
            asked = self._critic(call) if job.move.guide is not None and self._remote_critics else None
            call.state, call.view, ref = method.remote(job.move, job.key, job.prompt, parent, asked)
        call.pool, call.replica = pool, replica
        pool.began(replica, call)
        self._flying[ref] = call

    def _critic(self, call: Call) -> RemoteCritic:
        """The reward replica with the fewest guides and calls, and how long its answer may take."""
        asked = Counter(id(c.critic) for c in self._flying.values())
        there = [r for r in self.rewards.replicas if r.loading is None] or self.rewards.replicas
        call.critic = min(there, key=lambda r: (asked[id(r)], len(r.calls)))
        patience = min(self.rewards.deadline(float(DEPTH)), self.generators.deadline(call.work) / 2)
        return RemoteCritic(call.critic.actor, patience)

    def _landed(self, call: Call, ref: Any) -> None:
        pool, replica = call.pool, call.replica
        assert pool is not None and replica is not None
        try:
            answer = ray.get(ref)
        except RayActorError as error:
            self._flying[ref] = call  # one of the calls that went down with its replica
            self._lost(pool, replica, reason(error))
        except ObjectLostError as error:
            pool.ended(replica, call)
            self._again(call, reason(error), fault=False)
        except RayTaskError as error:
            pool.ended(replica, call)
            if isinstance(error.cause, ObjectLostError):  # an argument, not the call
                self._argument_lost(call)
                return
            if isinstance(error.cause, CriticLost) and call.critic is not None:
                self._lost(self.rewards, call.critic, reason(error))
                call.bereft += 1
                self._again(call, reason(error), fault=call.bereft > ATTEMPTS)
                return
            if "CUDA error" in str(error):  # sticky: that process is of no use any more
                self._lost(pool, replica, reason(error))
            self._again(call, reason(error))
        else:
            self._answered(call, pool, replica, answer)

    def _answered(self, call: Call, pool: Pool, replica: Replica, answer: Any) -> None:
        job = call.job
        if pool is self.rewards:
            found, seconds = answer
            pool.ended(replica, call, seconds, 1.0)
            call.view = None
            assert call.made is not None
            self._answers.append((call.ticket, outcome(job.key, call.made, found, seconds)))
        elif job.move is None:
            pool.ended(replica, call)
            lost = Failure(job.key, f"state {job.key} is neither held nor stored", missing=job.key)
            self._answers.append((call.ticket, lost if answer is None else Film(job.key, answer)))
        else:
            pool.ended(replica, call, answer.seconds, answer.nfe)
            call.made = answer
            if answer.missing:
                self._missing(call, job.move.parent)
                return
            self._states[job.key] = call.state, replica
            call.state = None
            if job.move.score and job.move.to > 0:
                self._queues[self.rewards].append(call)
            else:
                self._answers.append((call.ticket, outcome(job.key, answer, {}, 0.0)))

    def _lost(self, pool: Pool, replica: Replica, why: str) -> None:
        """A replica died or froze: replace it, and send its calls elsewhere. Only the first may be to blame."""
        calls = pool.replace(replica)
        for ref in [r for r, c in self._flying.items() if c in calls]:
            del self._flying[ref]
        for i, call in reversed(list(enumerate(calls))):
            self._again(call, f"{pool.name}: {why}", fault=i == 0)

    def _again(self, call: Call, why: str, fault: bool = True) -> None:
        """Queue a call once more, or give its Job up after ATTEMPTS faults."""
        call.failures += fault
        if call.failures >= ATTEMPTS:
            self._answers.append((call.ticket, Failure(call.job.key, f"failed on {ATTEMPTS} replicas: {why}")))
            return
        self._queues[call.pool or self.generators].appendleft(call)

    def _argument_lost(self, call: Call) -> None:
        """What a call was to work on died with its node: a view is made again here, a parent by the coordinator."""
        if call.pool is self.rewards:
            self._states.pop(call.job.key, None)
            call.made = call.view = None
            self._queues[self.generators].appendleft(call)
        else:
            self._missing(call, call.job.needs)

    def _missing(self, call: Call, key: str | None) -> None:
        self._states.pop(key or "", None)
        failure = Failure(call.job.key, f"state {key} is neither held nor stored", missing=key)
        self._answers.append((call.ticket, failure))


def effort(move: Move) -> float:
    """The most network evaluations a Move can be, or what takes as long; 1 is for the decode."""
    guide = move.guide
    each = 1.0 if guide is None else 1.0 + 5.0 * guide.inner * (guide.travel + 1)
    return 1.0 + move.to * each


def connect(cluster: ClusterConfig) -> bool:
    """Join or start Ray; True if it was started here. `auth.require_token` comes before this module is imported."""
    if ray.is_initialized():
        return False
    local = cluster.address == "local"
    try:
        ray.init(
            address=cluster.address, include_dashboard=False if local else None, log_to_driver=False,
            logging_level=logging.ERROR, configure_logging=True,
        )  # fmt: skip
    except ConnectionError as error:
        raise UsageError(f"cluster.address={cluster.address!r}: no Ray cluster answers there ({error})") from None
    return True


def feasible(cluster: ClusterConfig) -> None:
    """Raise UsageError naming what is missing if the cluster cannot hold both pools; Ray would wait for ever."""
    have = ray.cluster_resources()
    for resource, attribute in (("CPU", "num_cpus"), ("GPU", "num_gpus")):
        pools = _pools(cluster)
        need = {name: pool.replicas * getattr(pool, attribute) for name, pool in pools.items()}
        if sum(need.values()) > have.get(resource, 0) + 1e-6:
            asked = " + ".join(f"{pools[n].replicas} {n} x {getattr(pools[n], attribute):g}" for n in pools)
            raise UsageError(
                f"the cluster has {have.get(resource, 0):g} {resource}, but {asked} = {sum(need.values()):g} are asked "
                f"for; lower cluster.generators.replicas or cluster.generators.{attribute}, or use a larger cluster"
            )


def _pools(cluster: ClusterConfig) -> dict[str, PoolConfig]:
    return {"generators": cluster.generators, "rewards": cluster.rewards}


def _options(pool: PoolConfig) -> dict[str, Any]:
    """max_restarts and max_task_retries 0: faults are ours to handle. A replica without GPU must not see any."""
    options: dict[str, Any] = {"num_cpus": pool.num_cpus, "num_gpus": pool.num_gpus, "max_restarts": 0}
    environment = {"OMP_NUM_THREADS": str(pool.threads)}
    if not pool.num_gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return {**options, "max_task_retries": 0, "runtime_env": {"env_vars": environment}}
