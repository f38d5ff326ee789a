"""The manifest of a run folder: models and rewards, which must not change while it exists. Plain JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raysearch.canonical import keyed
from raysearch.config.settings import GeneratorConfig
from raysearch.engine.journal import FORMAT
from raysearch.runs.fingerprints import rewards_fingerprint
from raysearch.runs.judges import Judge


def manifest(generator: GeneratorConfig, weights: str, judges: Sequence[Judge]) -> dict[str, Any]:
    """What must not change within a run folder. Search and prompts may: their Moves have other keys.

    Of rewards the `identity` must not change, which is the settings in force; how a job spells them may.

    Args:
        generator: pinned to a revision.
        weights: its fingerprint.
        judges: the search reward, then the watched ones.
    """
    specs = [dict(judge.spec) for judge in judges]
    return {
        "raysearch": FORMAT,
        "generator": {**keyed(generator), "weights": weights},
        "rewards": {
            "reward": specs[0],
            "watch": specs[1:],
            "weights": rewards_fingerprint(specs),
            "settings": [dict(judge.settings) for judge in judges],
            "identity": rewards_fingerprint([judge.identity for judge in judges]),
        },
    }
