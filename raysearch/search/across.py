"""Any strategy over all wordings of a prompt: one search for each, side by side, and the best video of all.

Each search has noise of its own, except that the first, on the prompt's own text, has that of the job: its Moves are
those of the same strategy without variants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from raysearch.moves import Outcome, Result, Round, Search, argbest
from raysearch.search.common import nfe, sub_seed


def across(
    begin: Callable[[int, Sequence[str | None]], Search], seed: int, steps: int, variants: Sequence[str | None]
) -> Search:
    """One search for every wording, in step; a wording whose search finds no reward is left out.

    Samplers are mixed: of the finals of all wordings, each weighs its own weight times the Z of its wording, and Z is
    the mean over wordings.

    Args:
        begin: makes the search of a seed and of the wordings that it may use, here a single one.
        seed: of the first; the others have theirs from it.
        steps: of the generator.
        variants: the wordings; None stands for the prompt's own text.
    """
    searches = [begin(sub_seed(seed, k), [variant]) for k, variant in enumerate(variants)]
    due = {k: next(search) for k, search in enumerate(searches)}
    ends, failed, spent, at = dict[int, Result](), list[ValueError](), [0] * len(searches), dict[str, int]()
    note = _plan(list(due.values()))
    while due:
        worded = {k: [replace(move, variant=variants[k]) for move in round_.moves] for k, round_ in due.items()}
        outcomes = yield Round(tuple(move for moves in worded.values() for move in moves), note)
        note, begun = {}, 0
        for k, moves in worded.items():
            given = outcomes[begun : begun + len(moves)]
            begun += len(moves)
            spent[k] += nfe(moves, at, steps)
            at |= {o.key: move.to for o, move in zip(given, moves, strict=True)}
            try:
                due[k] = searches[k].send(given)
            except StopIteration as end:
                ends[k] = end.value
                del due[k]
            except ValueError as error:
                failed.append(error)
                del due[k]
    if not ends:
        raise failed[0]
    return _together([ends.get(k) for k in range(len(searches))], spent)


def summary(of: Sequence[int], spent: Sequence[int], **more: Any) -> dict[str, Any]:
    """What a search over wordings notes: which wording each final has, the NFE spent on each, and more."""
    return {"of": list(of), "nfe": list(spent), **more}


def _plan(first: Sequence[Round]) -> dict[str, Any]:
    """The note of the first Round, which speaks of all searches."""
    note = {}
    if all("rounds" in round_.note for round_ in first):
        note["rounds"] = max(round_.note["rounds"] for round_ in first)
    if all("nfe" in round_.note for round_ in first):
        note["nfe"] = sum(round_.note["nfe"] for round_ in first)
    return note


def _together(ends: Sequence[Result | None], spent: Sequence[int]) -> Result:
    finals = list[Outcome]()
    of, winners, weights = list[int](), list[int](), list[float]()
    log_zs = [-math.inf if end is None else end.log_z for end in ends]
    known = [z for z in log_zs if z is not None]
    mixed = len(known) == len(ends)
    top = max(known, default=0.0)
    total = math.fsum(math.exp(z - top) for z in known) if math.isfinite(top) else 0.0
    for k, end in enumerate(ends):
        if end is None:
            continue
        winners.append(len(finals) + end.best)
        finals += end.finals
        of += [k] * len(end.finals)
        if mixed and total:
            share = known[k] - top - math.log(total)
            weights += [share + w for w in end.log_weights or ()]
    best = winners[argbest([finals[i].reward for i in winners])]
    notes: dict[str, Any] = {
        "wordings": summary(of, spent),
        "each": [None if end is None else dict(end.notes) for end in ends],
    }
    if not mixed or len(weights) != len(finals):
        return Result(tuple(finals), best, notes=notes)
    return Result(tuple(finals), best, tuple(weights), top + math.log(total / len(ends)), notes)
