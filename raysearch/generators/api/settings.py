"""What an endpoint has no place for: settings, searches, prompts and spending, refused before anything is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from raysearch import web
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.prompts import Prompt

NAME = "api"
KEYS = (
    "name", "endpoint", "model", "steps", "guidance_scale", "negative_prompt", "height", "width", "num_frames", "fps",
    "call", "price", "budget",
)  # fmt: skip
FILLED = {"dtype": "float32", "tiling": False}  # what a job has where it says nothing
SEARCHES = ("best_of_n", "wording")
OWN = ("model", "prompt", "seed", "size", "seconds", "num_frames", "fps", "input_reference")  # fields that a run fills
WHY = "the model is behind an endpoint, which makes a video in one step and shows nothing in between"


def check(config: GeneratorConfig, prompts: Iterable[Prompt]) -> None:
    """Raise UsageError for settings that an endpoint has no place for, and for prompts that it cannot be given."""
    if not config.endpoint:
        raise UsageError("generator.endpoint is missing; generator.name=api needs it, e.g. http://localhost:8000/v1")
    web.check("generator.endpoint", config.endpoint)
    if config.model == GeneratorConfig.model:
        raise UsageError(f"generator.model={config.model!r}: name the model as the endpoint {config.endpoint} calls it")
    plain = GeneratorConfig()
    for field in fields(GeneratorConfig):
        usual = getattr(plain, field.name), FILLED.get(field.name)
        if field.name not in KEYS and getattr(config, field.name) not in usual:
            raise UsageError(
                f"generator.{field.name}={getattr(config, field.name)!r}: {WHY}; leave it out, or give what the "
                "endpoint calls it under generator.call"
            )
    if config.steps != 1:
        raise UsageError(
            f"generator.steps={config.steps}: {WHY}; leave steps out and give generator.call.num_inference_steps"
        )
    for key in ("height", "width", "num_frames"):
        if getattr(config, key) is None:
            raise UsageError(f"generator.{key} is missing; defaults differ between servers, so it is always sent")
    for key, value in config.call.items():
        if key in OWN or isinstance(value, (dict, list)) or value is None:
            raise UsageError(f"generator.call.{key}={value!r}: give a text or number, of none of {', '.join(OWN)}")
    _check_money(config)
    for prompt in prompts:
        _check_prompt(prompt)


def check_search(search: Mapping[str, Any], ranks: int = 1, asked: Mapping[str, str] | None = None) -> None:
    """Raise UsageError for a search that needs more than finished videos of independent seeds, and for split replicas.

    Args:
        search: as the job has it.
        ranks: processes of a replica.
        asked: the rewards that would be measured on the generator, by the key where each stands.
    """
    name = str(search.get("name"))
    if ranks > 1:
        raise UsageError(f"cluster.generators.ranks={ranks}: generator.name=api: {WHY}; set it to 1")
    for key, reward in (asked or {}).items():
        raise UsageError(
            f"{key}.name={reward}: generator.name=api: {WHY}, so {reward} cannot be measured; leave it out"
        )
    if name not in SEARCHES and ":" not in name:
        raise UsageError(f"search.name={name}: generator.name=api: {WHY}; use {' or '.join(SEARCHES)}")
    for key in ("guide", "drift", "kernel"):
        if search.get(key) not in (None, "none", "ode", {"name": "ode"}):
            raise UsageError(f"search.{key}={search[key]!r}: generator.name=api: {WHY}; leave it out")


def check_spending(config: GeneratorConfig, videos: int) -> None:
    """Raise UsageError if a run of so many videos would cost more than its budget, before the first one is paid."""
    most, price = config.budget.get("usd"), config.price
    if most is None or price is None or videos * price <= most + 1e-9:
        return
    raise UsageError(
        f"generator.budget.usd={most:g}: {videos} videos at generator.price={price:g} cost ${videos * price:.2f}, and "
        f"the budget pays for {int(most / price + 1e-9)}; ask for fewer (search.n, prompts), or raise it"
    )


def _check_money(config: GeneratorConfig) -> None:
    if config.budget and set(config.budget) != {"usd"}:
        raise UsageError(f"generator.budget={dict(config.budget)}: give {{usd: 20}}")
    if config.budget and config.price is None:
        raise UsageError("generator.price is missing; generator.budget needs what a video costs, in USD")


def _check_prompt(prompt: Prompt) -> None:
    if not prompt.text:
        raise UsageError(f"prompt {prompt.id!r} has no text, and generator.name=api needs one")
    if prompt.video is not None or prompt.scene is not None:
        raise UsageError(
            f"prompt {prompt.id!r}: generator.name=api sends a text and at most an image, no clip or scene"
        )
