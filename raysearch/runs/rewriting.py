"""The variants that a writer makes of the prompts of a job: asked for once, before any search, and recorded."""

from __future__ import annotations

from dataclasses import replace

from raysearch import writers
from raysearch.generators.tokens import cut
from raysearch.runs.resolve import Resolved
from raysearch.runs.wordings import check_wordings
from raysearch.writers import Rewriting, record


def rewritten(resolved: Resolved, folder: str) -> Resolved:
    """The job with all variants of its prompts; asks the writer for those that are not recorded, and tells of it.

    Args:
        resolved: the job.
        folder: of the run.

    Raises:
        UsageError: if the writer gives none.
    """
    how = resolved.rewriting
    if how is None or resolved.worded:
        return resolved
    answers = _answers(how, folder)
    asked = record.complete(how, resolved.prompts, answers, lambda: writers.create(how))
    if asked:
        print(f"{asked} wordings asked of {how.source} and recorded in {answers}", flush=True)
    return _with(resolved, how, answers, tell=True) or resolved


def recorded(resolved: Resolved, folder: str) -> Resolved | None:
    """The same from what is recorded alone; None while answers are missing."""
    how = resolved.rewriting
    return resolved if how is None or resolved.worded else _with(resolved, how, _answers(how, folder))


def imagined(resolved: Resolved) -> Resolved:
    """The job with variants that nobody wrote, for plans."""
    if resolved.worded:
        return resolved
    refining = resolved.refining
    count = (resolved.rewriting.n if resolved.rewriting else 0) + (refining.rounds if refining else 0)
    made = tuple(f"variant {k}" for k in range(count))
    return replace(
        resolved, worded=True,
        prompts=tuple(replace(p, variants=(*p.variants, *made)) if p.text else p for p in resolved.prompts),
    )  # fmt: skip


def _with(resolved: Resolved, how: Rewriting, answers: str, tell: bool = False) -> Resolved | None:
    found = record.worded(how, resolved.prompts, answers)
    if found is None:
        return None
    prompts, said = found
    check_wordings(resolved.job, resolved.recipe, prompts, written=True)
    for line in [*said, *cut(resolved.generator, prompts)] if tell else ():
        print(line, flush=True)
    return replace(resolved, prompts=tuple(prompts), worded=True)


def _answers(how: Rewriting, folder: str) -> str:
    return how.answers or f"{folder}/{record.FOLDER}"
