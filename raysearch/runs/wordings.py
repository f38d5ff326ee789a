"""What a job asks of the wordings of its prompts: checked before anything is loaded, and told where it may surprise."""

from __future__ import annotations

from collections.abc import Sequence

from raysearch import rewards
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.runs.tasks import Recipe
from raysearch.writers.refining import KEY

GIVE = "give prompts variants (prompts.items: [{text: ..., variants: [...]}]), or prompts.rewrite"
TEXT = "watch: [{name: vlm, questions: text, label: adherence}]"


def check_wordings(job: Job, recipe: Recipe, prompts: Sequence[Prompt], written: bool = False) -> None:
    """Raise UsageError for a search over wordings of which there are none, or more than it can try.

    Args:
        job: the job.
        recipe: how its searches begin.
        prompts: with their variants.
        written: whether those of a writer are among them already; else as many as it will give are counted.
    """
    if not recipe.worded:
        return
    more = int(job.prompts.rewrite.get("n", 8)) if job.prompts.rewrite and not written else 0
    more += int(job.prompts.refine.get("rounds", 2)) if job.prompts.refine else 0
    counts = {len(prompt.wordings) + more * bool(prompt.text) for prompt in prompts}
    if prompts and max(counts) == 1 and not job.prompts.refine:
        which = "across=variants" if recipe.across else f"name={job.search['name']}"
        raise UsageError(f"search.{which}: no prompt has a variant; {GIVE}")
    for count in sorted(counts):
        recipe.measured(1.0).check(count)


def notes(job: Job, recipe: Recipe, prompts: Sequence[Prompt]) -> list[str]:
    """What is to be told of wordings before a run starts, one line each."""
    worded = [prompt for prompt in prompts if prompt.variants or (job.prompts.rewrite and prompt.text)]
    if not worded:
        return []
    if not recipe.worded:
        return [
            f"prompts: {len(worded)} of {len(prompts)} have variants, which search.name={job.search['name']} does not "
            "use; search.name=wording and search.across=variants do"
        ]
    if not any({"text", "scene"} & rewards.needs(spec).keys() for spec in (job.reward, *job.watch)):
        return [
            "prompts.variants: no reward here reads the text or knows the truth, and a wording that describes nothing "
            f"may make physics easy; watch how well the videos follow the text, e.g. {TEXT}"
        ]
    return []


def check_refining(job: Job, recipe: Recipe) -> None:
    """Raise UsageError for a search that cannot go on with a wording more, and for a run without films."""
    if not job.prompts.refine:
        return
    if not recipe.across:
        raise UsageError(f"{KEY}: each round searches one wording more; set search.across=variants")
    for name, remedy in (("budget", "give search.n instead"), ("lam", "give a number, or {sd: ..., spread: ...}")):
        value = recipe.options.get(name) if name == "budget" else recipe.measures
        if value is not None:
            raise UsageError(f"search.{name}={value}: would change with every wording that {KEY} adds; {remedy}")
    if job.films == "none":
        raise UsageError(f"films=none: {KEY} has the best video looked at; set films=best")
