"""What a job would take: the same coordinator and searches on a simulated clock; no model is loaded, no GPU is used.

Searches see pretended rewards, so which particles survive is invented; the number of Moves, their lengths and their
barriers are not. Seconds are given, or read from the Outcomes of an earlier run.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from raysearch.config.settings import Job
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Ledger
from raysearch.errors import UsageError
from raysearch.executors.virtual import Cluster, Virtual
from raysearch.moves import Outcome
from raysearch.runs import spread
from raysearch.runs.resolve import Resolved, resolve
from raysearch.runs.results import RESULT, folder
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
    """The pace of a run: medians over the Outcomes of its journal.

    The time of a Move is fitted as evaluations x evaluation_s + decode_s where Moves of several lengths allow it.

    Raises:
        UsageError: if the journal holds no Outcome.
    """
    root = folder(run)
    outcomes = [o for o in Journal(str(root), _manifest(root)).outcomes.values() if o.cost.nfe]
    if not outcomes:
        raise UsageError(f"{run}: its journal holds no Outcome to measure by; give --seconds-per-nfe instead")
    scores = [o.cost.reward_s for o in outcomes if o.cost.reward_calls]
    decode = _decode(outcomes)
    evaluation = statistics.median(max(o.cost.generate_s - decode, 0.0) / o.cost.nfe for o in outcomes)
    return Pace(evaluation, decode, statistics.median(scores) if scores else 0.0)


def took(run: str) -> str:
    """What the last invocation of a finished run took, in a line: to start and load models, and to work."""
    budget = json.loads((folder(run) / RESULT).read_text())["budget"]
    pools, worked = budget["pools"], budget["worked_s"]
    if not budget["executed"]:
        return f"{run} itself: its last invocation executed nothing, so there is nothing to compare with"
    busy = ", ".join(
        f"{pool['replicas']:.0f} {name} busy {pool['busy_s'] / max(pool['replicas'] * worked, 1e-9):.0%}"
        for name, pool in pools.items()
    )
    return (
        f"{run} itself: {budget['seconds'] - worked:.0f} s to start and load models, which no time above holds, and "
        f"{worked:.0f} s of work on {busy}, for {budget['executed']} moves"
    )


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
        rewards: replicas of the rewards.
        spread: coefficient of variation of the time of a Move.

    Raises:
        UsageError: if a search of the job cannot run.
    """
    cluster = Cluster([pace.evaluation_s] * generators, [pace.score_s] * rewards, decode_s=pace.decode_s, spread=spread)
    return simulate_on(cluster, job)


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
