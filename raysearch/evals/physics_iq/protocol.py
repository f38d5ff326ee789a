"""The reporting protocol of Physics-IQ Verified, four runs with mean and deviation; and the card of a submission.

The card has the blocks and keys of the official kit (submission_verified/submission.yaml, September 2026). It states
what the search did (N, method), so that a result reached by choosing among candidates is not mistaken for one draw.
What only people can say (terms, warranties, a price) is taken from the job or left open, and `lacking` names it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import score
from raysearch.evals.physics_iq.table import Table
from raysearch.names import lookup

RUNS = 4
TERMS = "1.0"
IDENTITY = {"org": "[a-z0-9]+", "id": "[a-z0-9.-]+", "date": r"\d{4}-\d{2}-\d{2}"}
RULES = {"org": "small letters and digits", "id": "small letters, digits, dots and hyphens", "date": "YYYY-MM-DD"}
INFO = (  # keys of public_info, in the order of the kit
    "organization", "model", "model_version", "input_type", "parameters", "fps", "resolution", "bon_sampling",
    "bon_sampling_method", "bon_sampling_source", "prompt_upsampling", "prompt_upsampling_method",
    "prompt_upsampling_source", "descriptions", "templater", "availability", "model_source", "provider", "date",
    "tech_report", "comments", "upsample_cost", "upsample_gpu", "upsample_ngpu", "upsample_time", "generation_cost",
    "generation_gpu", "generation_ngpu", "generation_time",
)  # fmt: skip
REQUIRED = (
    "organization", "model", "model_version", "input_type", "fps", "resolution", "bon_sampling", "prompt_upsampling",
    "descriptions", "availability", "model_source", "date", "generation_cost",
)  # fmt: skip
OWN_GPUS = ("generation_gpu", "generation_ngpu", "generation_time")  # required unless availability is api
REWRITTEN = ("upsample_cost",)  # required where prompts were rewritten ...
REWRITTEN_HERE = ("upsample_gpu", "upsample_ngpu", "upsample_time")  # ... and these unless availability is api
AVAILABILITY = ("public", "api", "research", "private")
ACCEPTANCE = ("terms_version", "terms_accepted", "accepted_on_behalf_of", "accepted_at")
WARRANTIES = (
    "has_rights_to_submit", "no_ip_infringement", "permitted_by_provider_tos", "no_personal_data_in_content",
    "metadata_accurate",
)  # fmt: skip
SCORES = {"physiq": "score", "spatial_iou": "spatial", "weighted_spatial_iou": "weighted_spatial",
          "spatiotemporal_iou": "spatiotemporal", "mse": "mse"}  # fmt: skip


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


def check(given: Mapping[str, Any]) -> None:
    """Check what a job says for the card, before anything is generated.

    Args:
        given: org, id and date of the submission; keys of public_info; terms and warranties.

    Raises:
        UsageError: for an unknown key, and a value that the leaderboard does not take.
    """
    for key in given:
        lookup("challenge.card: key", key, dict.fromkeys((*IDENTITY, *INFO, "terms", "warranties")))
    for key, pattern in IDENTITY.items():
        if key in given and not re.fullmatch(pattern, str(given[key])):
            raise UsageError(f"challenge.card.{key}={given[key]!r}: the leaderboard takes {RULES[key]}")
    if "availability" in given:
        lookup("challenge.card.availability:", str(given["availability"]), dict.fromkeys(AVAILABILITY))
    if not isinstance(given.get("prompt_upsampling", False), bool):
        raise UsageError(f"challenge.card.prompt_upsampling={given['prompt_upsampling']!r}: give true or false")
    for block, keys in (("terms", ACCEPTANCE), ("warranties", WARRANTIES)):
        inner = given.get(block, {})
        if not isinstance(inner, Mapping):
            raise UsageError(f"challenge.card.{block}={inner!r}: give a mapping with {', '.join(keys)}")
        for key in inner:
            lookup(f"challenge.card.{block}: key", key, dict.fromkeys(keys))


def run_id(given: Mapping[str, Any]) -> str:
    """The id of a submission, ORG__ID__DATE. given: org, id and date, checked."""
    return "__".join(str(given[key]) for key in IDENTITY)


def card(facts: Mapping[str, Any], given: Mapping[str, Any], reported: Mapping[str, Any]) -> dict[str, Any]:
    """The card of a submission, for submission.yaml.

    Args:
        facts: Keys of public_info that are known from the run.
        given: What the job says; its keys of public_info win.
        reported: What `over_runs` returned.

    Returns:
        The four blocks of the kit as plain values; what nobody has said is null or empty, a deviation of one run NaN.
    """
    known = {**facts, **{key: value for key, value in given.items() if key in INFO}}
    info = {key: known.get(key) for key in INFO}
    scores = {}
    for name, ours in SCORES.items():
        for kind in ("mean", "std"):
            value = reported[ours][kind]
            scores[f"{name}_{kind}"] = math.nan if value is None else round(value, 2)
    terms, warranties = given.get("terms", {}), given.get("warranties", {})
    return {
        "public_info": info,
        "reported_scores": scores,
        "terms": {key: terms.get(key, TERMS if key == "terms_version" else None) for key in ACCEPTANCE},
        "warranties": {key: warranties.get(key) for key in WARRANTIES},
    }


def lacking(made: Mapping[str, Any]) -> list[str]:
    """Keys of a card that the official validator would miss, as BLOCK.KEY."""
    info, terms = made["public_info"], made["terms"]
    own = info.get("availability") != "api"
    wanted = [*REQUIRED, *(OWN_GPUS if own else ())]
    if info.get("prompt_upsampling") is True:
        wanted += [*REWRITTEN, *(REWRITTEN_HERE if own else ())]
    found = [f"public_info.{key}" for key in wanted if info.get(key) in (None, "")]
    found += [f"reported_scores.{key}" for key, value in made["reported_scores"].items() if value in (None, "")]
    right = {
        "terms_version": terms.get("terms_version") == TERMS,
        "terms_accepted": terms.get("terms_accepted") is True,
    }
    found += [f"terms.{key}" for key in ACCEPTANCE if not right.get(key, bool(terms.get(key)))]
    return [*found, *(f"warranties.{key}" for key in WARRANTIES if made["warranties"].get(key) is not True)]
