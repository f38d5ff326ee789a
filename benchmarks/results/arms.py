"""What is searched: options of a search by the name of its arm. The pool holds the candidates of best-of-n at any n."""

from __future__ import annotations

import json
from typing import Any

from raysearch.moves import Search
from raysearch.search import strategy
from raysearch.search.guides import guide_of

POOL = 64  # independent candidates a scene, without guide
HALVED = 16  # candidates that halving begins with, in the arm that is named first
GUIDED = 2  # independent candidates with one
SPARSE = {"preset": "sparse"}  # a gradient in every third step
TIMED = 4  # scenes of which every arm is timed, one after the other in one process
NFE = 96  # budget of the searches: what best of 8 costs
ARMS: dict[str, dict[str, Any]] = {
    "pool": {"name": "best_of_n", "n": POOL},
    "likephys": {"name": "best_of_n", "n": POOL // 4},
    "halving": {"name": "halving", "n": HALVED},
    "halving 4": {"name": "halving", "n": HALVED // 4},
    "halving 32": {"name": "halving", "n": 2 * HALVED},
    "smc": {"name": "smc", "budget": NFE},
    "beam": {"name": "beam", "budget": NFE},
    "rbf": {"name": "rbf", "budget": NFE},
    "guided": {"name": "best_of_n", "n": GUIDED, "guide": SPARSE},
    "guided smc": {"name": "smc", "n": 4, "guide": SPARSE},
}
JUDGES = ("pool", "likephys")  # the pool, and what its generator says of it; no searches
FIRST_ARMS = (*JUDGES, "halving", "halving 4", "halving 32")  # of all scenes before the others of any
LABELS = {  # how the arms are called where people read
    "halving": f"halving of {HALVED}", "halving 4": f"halving of {HALVED // 4}",
    "halving 32": f"halving of {2 * HALVED}", "smc": "SMC", "rbf": "rollover budget forcing",
    "guided": "guidance (sparse)", "guided smc": "guided SMC, 4 particles",
}  # fmt: skip


def settings(arm: str, seed: int) -> str:
    """What a row must have been made with to be used again."""
    return json.dumps([ARMS[arm], seed], sort_keys=True)


def search(arm: str, seed: int, steps: int) -> Search:
    """The search of an arm, from its beginning."""
    options = dict(ARMS[arm])
    begin = strategy(options.pop("name"))
    if "guide" in options:
        options["guide"] = guide_of(options["guide"], sampler=begin.__name__ == "smc")
    return begin(seed, steps, **options)
