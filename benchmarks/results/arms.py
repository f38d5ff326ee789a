"""What is searched: options of a search by the name of its arm. The pool holds the candidates of best-of-n at any n."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from raysearch.moves import Search
from raysearch.search import strategy
from raysearch.search.guides import PRESETS, guide_of

POOL = 32  # independent candidates a scene, without guide
GUIDED = 4  # independent candidates with one
SPARSE, CHEAP = asdict(PRESETS["sparse"]), asdict(PRESETS["cheap"])
FULL = {"name": "full", "scale": 0.02}
NFE = (96, 192)  # budgets of the searches: what best of 8 and best of 16 cost
ARMS: dict[str, dict[str, Any]] = {
    "pool": {"name": "best_of_n", "n": POOL},
    "halving 16": {"name": "halving", "n": 16},
    "halving 32": {"name": "halving", "n": POOL},
    **{f"{name} {nfe}": {"name": name, "budget": nfe} for nfe in NFE for name in ("smc", "beam", "rbf")},
    "pimh 192": {"name": "pimh", "budget": 192},
    "guided, sparse": {"name": "best_of_n", "n": GUIDED, "guide": SPARSE},
    "guided, cheap": {"name": "best_of_n", "n": GUIDED, "guide": CHEAP},
    "guided, full": {"name": "best_of_n", "n": 1, "guide": FULL},
    "guided smc": {"name": "smc", "n": 4, "guide": SPARSE},
}
LABELS = {  # how the arms are called where people read
    "halving 16": "halving of 16", "halving 32": "halving of 32", "guided, full": "guidance at every step",
    "guided smc": "guided SMC, 4 particles",
    **{f"{name} {nfe}": f"{told}, {nfe} NFE" for nfe in NFE for name, told in (("smc", "SMC"), ("beam", "beam"),
       ("rbf", "rollover budget forcing"), ("pimh", "PIMH"))},
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
