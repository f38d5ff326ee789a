"""Executors run Moves and make films of finished states. Their contract is tested once for all of them."""

from raysearch.executors.contract import Answer, Counters, Executor, Failure, Film, Request

Job = Request  # the name until the coordinator and its tests say Request

__all__ = ["Answer", "Counters", "Executor", "Failure", "Film", "Request"]
