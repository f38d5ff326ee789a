"""`raysearch agreement`: how well rewards of previews agree with those of the whole decode, on a job's own prompts.

Candidates are drawn with the first-order sampler, and every read is decoded and scored twice, as `generator.preview`
says and whole. The rank correlation within a prompt tells how much pruning a preview bears: a search that keeps half of
its candidates needs about .6, one that keeps a quarter about .8.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from raysearch.errors import UsageError
from raysearch.evals.calibrate.previews import HALVE, QUARTER
from raysearch.moves import Move
from raysearch.report.statistics import interval, spearman
from raysearch.runs.resolve import Resolved
from raysearch.sampling.workers import GeneratorWorker, RewardWorker
from raysearch.search.schedules import DROPS, stops

SEED = 0x5EED  # of the candidates, so that they are none of a search


@dataclass(frozen=True)
class Agreement:
    """What one read shows, over all prompts.

    Attributes:
        step: of the read; the last one is the finished video.
        rank: mean within-prompt rank correlation of preview and whole decode; NaN below three candidates.
        low: lower end of its 95 % bootstrap interval over prompts; NaN for a single prompt.
        high: the upper end.
        final: the same correlation of the preview with the reward of the finished video.
        whole_final: of the whole decode with the reward of the finished video.
        preview_s: seconds of a preview's decode.
        whole_s: seconds of a whole decode.
    """

    step: int
    rank: float
    low: float
    high: float
    final: float
    whole_final: float
    preview_s: float
    whole_s: float


def measure(resolved: Resolved, n: int, device: str, threads: int = 1) -> list[Agreement]:
    """Draw `n` candidates for each prompt of a job and score every read both ways.

    Args:
        resolved: the job; its search reward is used.
        n: candidates of a prompt, at least 3.
        device: the torch device of all models.
        threads: of torch on the CPU.

    Raises:
        UsageError: for a job without `generator.preview`, and for fewer than three candidates.
    """
    if not resolved.generator.preview:
        raise UsageError(
            "generator.preview is not set; say what to compare with the whole decode, e.g. generator.preview.size=0.5"
        )
    if n < 3:
        raise UsageError(f"n={n}: a rank correlation takes at least 3 candidates of a prompt")
    judge = RewardWorker(resolved.specs[:1], threads, device, resolved.generator.fps)
    worker = GeneratorWorker(resolved.generator, judge.size(), threads, device)
    assert resolved.generator.steps is not None
    steps = stops(resolved.generator.steps, DROPS)
    rewards = np.full((len(resolved.prompts), n, len(steps), 2), math.nan)
    seconds = np.zeros_like(rewards)
    for p, prompt in enumerate(resolved.prompts):
        for i in range(n):
            state = None
            for k, step in enumerate(steps):
                move = Move("parent" if state else None, (SEED, p, i), step)
                state, _, _ = worker.advance(move, "", prompt, state, shows=False)
                assert state is not None
                for way, whole in enumerate((False, True)):
                    start = time.perf_counter()
                    view = worker.view(prompt, state, whole)
                    seconds[p, i, k, way] = time.perf_counter() - start
                    value = next(iter(judge.score(view, prompt)[0].values()))
                    rewards[p, i, k, way] = math.nan if isinstance(value, str) else value
    return [_read(step, rewards[:, :, k], rewards[:, :, -1, 1], seconds[:, :, k]) for k, step in enumerate(steps)]


def _read(step: int, read_PN2: np.ndarray, final_PN: np.ndarray, seconds_PN2: np.ndarray) -> Agreement:
    """What one read shows; rewards and seconds are [prompts, candidates, preview or whole]."""
    ranks = np.array([spearman(one[:, 0], one[:, 1]) for one in read_PN2])
    known = ranks[np.isfinite(ranks)]
    low, high = interval(known) if len(known) else (math.nan, math.nan)
    final, whole_final = (
        _mean([spearman(one[:, way], last) for one, last in zip(read_PN2, final_PN, strict=True)]) for way in (0, 1)
    )
    preview_s, whole_s = np.median(seconds_PN2.reshape(-1, 2), axis=0)
    return Agreement(step, _mean(known), float(low), float(high), final, whole_final, float(preview_s), float(whole_s))


def _mean(values: Sequence[float] | np.ndarray) -> float:
    known = [float(v) for v in values if math.isfinite(v)]
    return math.fsum(known) / len(known) if known else math.nan


def text(rows: Sequence[Agreement], name: str, steps: int) -> str:
    """The table for a terminal, and what it means.

    Args:
        rows: one for each read.
        name: of the preview.
        steps: of a video.
    """
    lines = [f"preview {name}: rank correlation of its rewards within a prompt, mean over prompts [95 %]",
             "  step     with the whole decode     with the final reward (whole decode)   seconds (whole)"]  # fmt: skip
    for row in rows:
        lines.append(
            f"  {row.step:>3}/{steps:<3} {row.rank:>7.2f} [{row.low:.2f}, {row.high:.2f}]"
            f" {row.final:>18.2f} ({row.whole_final:.2f}) {row.preview_s:>22.3g} ({row.whole_s:.3g})"
        )
    return "\n".join([*lines, _advice(rows)])


def _advice(rows: Sequence[Agreement]) -> str:
    before = [row for row in rows[:-1] if math.isfinite(row.final)]
    halve = next((row.step for row in before if row.final >= HALVE), None)
    quarter = next((row.step for row in before if row.final >= QUARTER), None)
    if halve is None:
        return f"no read of this preview ranks candidates well enough to halve them ({HALVE:g}): decode whole, or later"
    more = f", and keep a quarter from step {quarter} on ({QUARTER:g})" if quarter is not None else ""
    return f"a search may halve its candidates from step {halve} on ({HALVE:g}){more}"


def plain(rows: Sequence[Agreement]) -> list[dict[str, float]]:
    """The rows as plain values."""
    return [asdict(row) for row in rows]
