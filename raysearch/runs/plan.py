"""What a job would take: the same coordinator and searches on a simulated clock; no model is loaded, no GPU is used.

Searches see pretended rewards, so which particles survive is invented; the number of Moves, their lengths and their
barriers are not. Seconds are given, or read from the Outcomes of an earlier run.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from raysearch import config
from raysearch.config.settings import Job
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Ledger
from raysearch.errors import UsageError
from raysearch.executors.virtual import Cluster, Virtual
from raysearch.moves import Outcome
from raysearch.runs import spread
from raysearch.runs.resolve import Resolved, resolve
from raysearch.runs.results import CONFIG, RESULT, folder
from raysearch.runs.rewriting import imagined


@dataclass(frozen=True)
class Pace:
    """How fast one replica is.

    Attributes:
        evaluation_s: seconds per network evaluation, classifier-free guidance included.
        decode_s: seconds per decoded preview.
        score_s: seconds per score.
    """

    evaluation_s: float
    decode_s: float = 0.0
    score_s: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What a job would take on given numbers of replicas.

    Attributes:
        generators: replicas of the generator.
        rewards: replicas of the rewards.
        moves: Moves executed.
        nfe: network function evaluations of all Moves.
        seconds: time by the clock.
        generators_busy: busy share of the generator pool, in [0, 1].
        rewards_busy: busy share of the reward pool, in [0, 1].
        gpu_h: GPU-hours, the number of GPUs times the time by the clock.
        moved: states that travelled between nodes.
    """

    generators: int
    rewards: int
    moves: int
    nfe: int
    seconds: float
    generators_busy: float
    rewards_busy: float
    gpu_h: float
    moved: int


def measured(run: str) -> Pace:
    """The pace of a run: means over the Outcomes of its journal, so that the slow calls count as they did there.

    The time of a Move is evaluations x evaluation_s + decode_s; decode_s is fitted where Moves of several lengths allow
    it, and evaluation_s then gives the sum of all times.

    Raises:
        UsageError: if the journal holds no Outcome.
    """
    root = folder(run)
    outcomes = [o for o in Journal(str(root), _manifest(root)).outcomes.values() if o.cost.nfe]
    if not outcomes:
        raise UsageError(f"{run}: its journal holds no Outcome to measure by; give --seconds-per-nfe instead")
    scores = [o.cost.reward_s for o in outcomes if o.cost.reward_calls]
    decode = _decode(outcomes)
    rest = sum(o.cost.generate_s - decode * bool(o.cost.reward_calls) for o in outcomes)
    evaluation = max(rest, 0.0) / sum(o.cost.nfe for o in outcomes)
    return Pace(evaluation, decode, statistics.fmean(scores) if scores else 0.0)


@dataclass(frozen=True)
class Took:
    """What the last invocation of a finished run took.

    Attributes:
        text: a line that says it, with loading and the time between calls apart.
        share: its time of work as a multiple of the simulated one, in which calls follow each other at once; 1 where
            that is not known.
    """

    text: str
    share: float = 1.0

    def held(self, plan: Plan) -> Plan:
        """A plan with the time between calls: the same work, over more time."""
        s = self.share
        busy = (plan.generators_busy / s, plan.rewards_busy / s)
        return replace(plan, seconds=plan.seconds * s, generators_busy=busy[0], rewards_busy=busy[1],
                       gpu_h=plan.gpu_h * s)  # fmt: skip


def took(run: str) -> Took:
    """What the last invocation of a finished run took: to start and load models, in calls, and between them."""
    root = folder(run)
    budget = json.loads((root / RESULT).read_text())["budget"]
    pools, worked = budget["pools"], budget["worked_s"]
    if not budget["executed"]:
        return Took(f"{run} itself: its last invocation executed nothing, so there is nothing to compare with")
    busy = ", ".join(
        f"{pool['replicas']:.0f} {name} busy {pool['busy_s'] / max(pool['replicas'] * worked, 1e-9):.0%}"
        for name, pool in pools.items()
    )
    text = (
        f"{run} itself: {budget['seconds'] - worked:.0f} s to start and load models, which no time above holds, and "
        f"{worked:.0f} s of work on {busy}, for {budget['executed']} moves"
    )
    try:
        job = replace(config.load(str(root / CONFIG), elsewhere=True), run=run)
        alone = simulate(resolve(job, record=_manifest(root)), measured(run), *_replicas(job, pools))
    except UsageError as error:
        return Took(f"{text}; its time between calls is not counted, for it cannot be simulated here ({error})")
    if alone.moves != budget["executed"] or not alone.seconds:
        return Took(f"{text}; it had begun earlier, so its time between calls is not known and not counted")
    share = max(worked / alone.seconds, 1.0)
    return Took(
        f"{text}. Its calls alone would take {alone.seconds:.0f} s: films, states, later replicas and waiting take "
        f"{share - 1:.0%} more, which the times above hold",
        share,
    )


def _replicas(job: Job, pools: Mapping[str, Mapping[str, Any]]) -> tuple[int, int]:
    """Replicas of generators and rewards with which a run has worked."""
    return (1, 0) if job.cluster.executor == "inline" else (
        int(pools["generators"]["replicas"]), int(pools["rewards"]["replicas"])
    )  # fmt: skip


def _decode(outcomes: Sequence[Outcome]) -> float:
    """Seconds of a Move that no evaluation explains: the intercept over its shortest and longest lengths."""
    by_length: dict[int, list[float]] = {}
    for o in outcomes:
        by_length.setdefault(o.cost.nfe, []).append(o.cost.generate_s)
    if len(by_length) < 2:
        return 0.0
    short, long = min(by_length), max(by_length)
    low, high = statistics.median(by_length[short]), statistics.median(by_length[long])
    slope = (high - low) / (long - short)
    return min(max(low - slope * short, 0.0), low)


def simulate(job: Job | Resolved, pace: Pace, generators: int, rewards: int, spread: float = 0.05) -> Plan:
    """The plan of a job on the given numbers of replicas.

    Args:
        job: the job.
        pace: seconds on one replica.
        generators: replicas of the generator.
        rewards: replicas of the rewards; 0 where one process does both, one after the other.
        spread: coefficient of variation of the time of a Move.

    Raises:
        UsageError: if a search of the job cannot run.
    """
    pools = [pace.evaluation_s] * generators, [pace.score_s] * rewards or [0.0]
    cluster = Cluster(*pools, decode_s=pace.decode_s, score_s=0.0 if rewards else pace.score_s, spread=spread)
    found = simulate_on(cluster, job)
    return found if rewards else replace(found, rewards=0, rewards_busy=0.0)


def simulate_on(cluster: Cluster, job: Job | Resolved) -> Plan:
    """The plan of a job on a modelled cluster. Raises UsageError if a search of the job cannot run."""
    resolved = imagined(resolve(job))
    executor = Virtual(replace(cluster, steps=resolved.recipe.steps))
    coordinator = Coordinator(executor, Journal.forgetful(), films=resolved.job.films)
    resolved = spread.measured(resolved, coordinator)
    ended = coordinator.run([*resolved.tasks(), *resolved.baseline()])
    if failed := [end for end in ended if end.error]:
        raise UsageError(f"{failed[0].task.name}: {failed[0].error}")
    return _plan(executor, coordinator.ledger, resolved.job)


def together(plans: Sequence[Plan]) -> Plan:
    """Several plans on the same replicas, one after the other."""
    seconds = sum(p.seconds for p in plans)
    busy = [sum(getattr(p, name) * p.seconds for p in plans) / max(seconds, 1e-9)
            for name in ("generators_busy", "rewards_busy")]  # fmt: skip
    first = plans[0]
    return Plan(
        first.generators, first.rewards, sum(p.moves for p in plans), sum(p.nfe for p in plans), seconds, busy[0],
        busy[1], sum(p.gpu_h for p in plans), sum(p.moved for p in plans),
    )  # fmt: skip


def _plan(executor: Virtual, ledger: Ledger, job: Job) -> Plan:
    status, seconds = executor.status(), executor.now
    generators, rewards = len(executor.generators), len(executor.rewards)
    pools = job.cluster
    gpus = generators * pools.generators.num_gpus * pools.generators.ranks + rewards * pools.rewards.num_gpus
    return Plan(
        generators, rewards, ledger.executed, ledger.cost.nfe, seconds,
        status["generators"]["busy_s"] / max(generators * seconds, 1e-9),
        status["rewards"]["busy_s"] / max(rewards * seconds, 1e-9),
        gpus * seconds / 3600, status["generators"]["moved_states"],
    )  # fmt: skip


def _manifest(root: Any) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((root / "manifest.json").read_text())
    return manifest
