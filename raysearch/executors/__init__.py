"""Executors run Moves and make films of finished states. Their contract is tested once for all of them."""

from raysearch.executors.contract import Answer, Counters, Executor, Failure, Film, Request

__all__ = ["Answer", "Counters", "Executor", "Failure", "Film", "Request"]
