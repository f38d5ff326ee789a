"""The reporting protocol of Physics-IQ Verified, four runs with mean and deviation; and the card of a submission.

The deviation is the sample one, over runs. The card states what the search did (N, method), so that a result reached by
choosing among candidates is not mistaken for one draw; unknown fields say so instead of being guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import score
from raysearch.evals.physics_iq.table import Table

RUNS = 4
TO_FILL = "TO BE FILLED IN"


def over_runs(tables: Sequence[Table]) -> dict[str, Any]:
    """Mean and sample deviation of both scores and of the Verified parts, over runs. std is None for a single one.

    Raises UsageError for no run, for more than four, and for runs over different views.
    """
    if not 1 <= len(tables) <= RUNS:
        raise UsageError(f"{len(tables)} runs given; the protocol averages 1 to {RUNS}")
    for k, table in enumerate(tables):
        if set(table) != set(tables[0]):
            raise UsageError(f"run {k + 1} was scored on {len(table)} views, run 1 on {len(tables[0])} or on others")
    rows = [{**score.verified(t), "original": score.original(t)["score"]} for t in tables]
    return {
        "runs": len(rows),
        **{n: {"mean": float(np.mean([r[n] for r in rows])),
               "std": float(np.std([r[n] for r in rows], ddof=1)) if len(rows) > 1 else None} for n in rows[0]},
    }  # fmt: skip


def run_name(model: str, prompts: str, number: int) -> str:
    """Official name of the folder of a run.

    Args:
        model: Name of the model.
        prompts: `op` (original) or `bpp` (best practice).
        number: Number of the run, from 1.
    """
    return f"{model}-{prompts}-run_{number:02d}"


def card(
    identity: Mapping[str, str], facts: Mapping[str, Any], reported: Mapping[str, Any], costs: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The card of a submission, for submission.yaml.

    Args:
        identity: org, id and date (YYYY-MM-DD).
        facts: input_type, fps, resolution, n, method, source, descriptions, templater.
        reported: What `over_runs` returned.
        costs: Hours and GPUs of the run.

    Returns:
        Plain values by key; unknown ones are marked to be filled in.

    Raises:
        UsageError: The id has characters that the leaderboard does not take.
    """
    slug = "__".join(str(identity[k]) for k in ("org", "id", "date")).lower()
    if not re.fullmatch(r"[a-z0-9.-]+__[a-z0-9.-]+__\d{4}-\d\d-\d\d", slug):
        raise UsageError(f"submission id {slug!r}: org and id take letters, digits, dots and hyphens")
    n = facts["n"]
    return {
        "run_id": slug,
        "input_type": facts["input_type"], "fps": facts["fps"], "resolution": facts["resolution"],
        "upscaled": facts.get("upscaled", "no"),
        "bon_sampling": n, "bon_sampling_method": facts["method"] if n > 1 else "none",
        "bon_sampling_source": facts.get("source", TO_FILL),
        "prompt_upsampling": facts.get("prompt_upsampling", "none"),
        "descriptions": facts["descriptions"], "templater": facts.get("templater", TO_FILL),
        "availability": facts.get("availability", TO_FILL),
        "generation_time": costs.get("hours", TO_FILL), "generation_gpu": costs.get("gpu", TO_FILL),
        "generation_ngpu": costs.get("ngpu", TO_FILL), "generation_cost": costs.get("cost", TO_FILL),
        "reported": {
            k: {s: None if v is None else round(v, 2) for s, v in reported[k].items()}
            for k in ("score", "spatial", "spatiotemporal", "weighted_spatial", "mse")
        },
        "runs": reported["runs"], "terms": "1.0", "warranties": TO_FILL,
    }  # fmt: skip
