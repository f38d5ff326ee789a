"""The Outcome of a Move, put together from the answers of its generator replica and its reward replica."""

from __future__ import annotations

from collections.abc import Mapping

from raysearch.moves import Cost, Outcome
from raysearch.sampling.workers import Made


def outcome(key: str, made: Made, scores: Mapping[str, float | str], seconds: float) -> Outcome:
    """Combine both answers.

    Args:
        key: key of the state.
        made: what the generator reports of the Move.
        scores: rewards by name, the one searched by first, and `NAME.error` with the reason where one could not judge;
            empty if nothing was scored.
        seconds: duration of scoring.
    """
    rewards = {name: value for name, value in scores.items() if not isinstance(value, str)} | made.judged
    errors = {name: value for name, value in scores.items() if isinstance(value, str)}
    why = "; ".join(f"{name.removesuffix('.error')}: {reason}" for name, reason in errors.items())
    cost = Cost(made.nfe, int(bool(rewards)), made.seconds, seconds, made.gradients)
    return Outcome(key, next(iter(rewards.values()), float("nan")), rewards, made.log_ratio, cost, why, made.decode)
