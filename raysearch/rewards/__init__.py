"""Rewards judge previews of candidates. `load` makes one from its spec; importing this loads no model library.

A reward receives views (uint8 videos, reduced on the generator to `size` pixels a side) and returns Scores, where a
higher value is better. Measures that are only watched, such as the amount of motion, have the same form. See base.py
for the protocol and docs/rewards.md for how to add one.
"""

from raysearch.rewards.base import Declaration, Reward, Scores, SurpriseMap
from raysearch.rewards.registry import able, names, version
from raysearch.rewards.spec import (
    check,
    check_models,
    differentiable,
    fits,
    flat,
    label,
    load,
    maps,
    needs,
    on_generators,
    resolved,
    settings,
)

__all__ = [
    "Declaration", "Reward", "Scores", "SurpriseMap", "able", "check", "check_models", "differentiable", "fits", "flat",
    "label", "load", "maps", "names", "needs", "on_generators", "resolved", "settings", "version",
]  # fmt: skip
