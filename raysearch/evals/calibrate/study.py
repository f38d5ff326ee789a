"""A calibration from candidates to verdicts: score them, rank them, corrupt them, and say what follows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.evals.calibrate import clips, fusion, noticed, scoring, statistics, verdicts
from raysearch.evals.calibrate.clips import Candidates
from raysearch.evals.calibrate.fusion import Fusion
from raysearch.evals.calibrate.noticed import Noticed
from raysearch.evals.calibrate.previews import PreviewAgreement
from raysearch.evals.calibrate.scoring import Progress, Verifier
from raysearch.evals.calibrate.statistics import Ranking, Worth
from raysearch.evals.calibrate.strength import Strength, strength
from raysearch.evals.calibrate.verdicts import ABOVE
from raysearch.moves import encode

MOTION = "motion"
VERIFIER, CONTROL = "verifier", "control"


@dataclass(frozen=True)
class VerifierRow:
    """What is known of one verifier.

    Attributes:
        label: Its name.
        role: `verifier` or `control`.
        verdict: In three words, on the truth; empty without truth.
        why: The sentence that explains it.
        ranking: Rank correlation with the truth; None without truth.
        worth: What choosing by it achieves; None without truth.
        noticed: Which corruptions it notices; None where no films were at hand.
        seconds: Of one score, the median; NaN where not measured here.
        errors: Why candidates have no score.
    """

    label: str
    role: str
    verdict: str
    why: str
    ranking: Ranking | None
    worth: Worth | None
    noticed: Noticed | None
    seconds: float
    errors: Sequence[str]


@dataclass(frozen=True)
class Calibration:
    """All that a calibration says.

    Attributes:
        source: The run or folder.
        truth: What is compared with; empty without truth.
        prompts: Number of prompts.
        scenes: Number of scenes.
        candidates: Candidates per prompt, the mean.
        rows: Every verifier, controls last.
        previews: What previews know, of a run that read on the way.
        strengths: lambda for every verifier.
        fusions: Ways to choose by several, judged on scenes left out.
        recommended: Name of the fusion that clearly takes more than the first verifier alone; empty for none.
        notes: What a reader should know.
    """

    source: str
    truth: str
    prompts: int
    scenes: int
    candidates: float
    rows: Sequence[VerifierRow]
    previews: Sequence[PreviewAgreement]
    strengths: Sequence[Strength]
    fusions: Sequence[Fusion]
    recommended: str
    notes: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        plain: dict[str, Any] = encode(asdict(self))
        return plain


def study(
    source: str, truth: str, groups: Sequence[Candidates], verifiers: Sequence[Verifier],
    previews: Sequence[PreviewAgreement] = (), notes: Sequence[str] = (), useful: float = verdicts.USEFUL,
) -> Calibration:  # fmt: skip
    """What the scores of verifiers say.

    Args:
        source: The run or folder.
        truth: Name of the truth; empty without.
        groups: The candidates.
        verifiers: Their scores; the first one is that which was declared beforehand.
        previews: See `previews`.
        notes: What a reader should know already.
        useful: The smallest rank correlation that matters.
    """
    truths, scenes = [g.truth for g in groups], clips.scenes(groups)
    known = any(np.isfinite(y).sum() > 1 for y in truths)
    p = statistics.family({v.label: v.scores for v in verifiers}, truths, scenes) if known else {}
    rows = [_row(v, truths, scenes, p, useful) for v in verifiers]
    ranked = [v for v in verifiers if v.role == VERIFIER or v.label == MOTION]
    above = [r.label for r in rows if r.verdict == ABOVE and any(v.label == r.label for v in ranked)]
    motion = next((v.scores for v in ranked if v.label == MOTION), None)
    fused = []
    if known:
        specs = {v.label: v.spec for v in ranked if v.spec and not rewards.on_generators(v.spec)}
        fused = fusion.fusions({v.label: v.scores for v in ranked}, truths, scenes, verifiers[0].label, motion, above,
                               specs)  # fmt: skip
    best = fusion.recommended(fused)
    strengths = [
        strength(v.label, v.scores, truths, scenes) for v in verifiers
        if v.role == VERIFIER and not (v.spec and rewards.on_generators(v.spec))  # no search can go by these
    ]  # fmt: skip
    rows.sort(key=lambda r: r.role == CONTROL)
    return Calibration(
        source, truth if known else "", len(groups), len(set(scenes)), float(np.mean([len(g.each) for g in groups])),
        rows, previews, strengths, fused, best.name if best else "", [*notes, *_notes(verifiers, groups, known, fused)],
    )  # fmt: skip


def gather(
    groups: Sequence[Candidates], specs: Sequence[Mapping[str, Any]], recorded: Mapping[str, Mapping[str, Any]],
    most: int, twins: bool, progress: Progress,
) -> tuple[list[Verifier], list[str]]:  # fmt: skip
    """Score everything: verifiers in the order given, then motion and twins with random weights as controls.

    Args:
        groups: The candidates.
        specs: The verifiers.
        recorded: Specs by label of what a run recorded, whose scores are taken from there.
        most: Clips whose corruptions are scored; 0 for none.
        twins: Whether networks are scored with random weights too.
        progress: Is told what is being done.

    Returns:
        The verifiers, and notes.
    """
    missing, notes = clips.without_films(groups), []
    every = [*specs, *([{"name": MOTION}] if all(rewards.label(s) != MOTION for s in specs) else [])]
    fresh = [rewards.label(s) for s in every if rewards.label(s) not in recorded]
    if missing and any(label != MOTION for label in fresh):
        raise UsageError(f"{fresh[0]}: {missing} candidates have no film to score; give the job again with films=all, "
                         "which needs only the films")  # fmt: skip
    if missing:
        notes.append(f"{missing} candidates have no film, so that nothing is corrupted and no network has a twin with "
                     "random weights; films=all keeps them")  # fmt: skip
        every = [s for s in every if rewards.label(s) in recorded]
    corrupt = scoring.few(groups, most) if most and not missing else []
    found = []
    for spec in every:
        label = rewards.label(spec)
        role = CONTROL if label == MOTION else VERIFIER
        known = [g.recorded(label) for g in groups] if label in recorded else None
        if known is not None and (not corrupt or rewards.on_generators(spec)):
            found.append(scoring.recorded(label, role, groups, spec))
        elif (made := scoring.scored(spec, role, groups, corrupt, progress, known=known)) is not None:
            found.append(made)
    twinned = [s for s in every if not rewards.on_generators(s)] if twins and not missing else []
    for spec in twinned:
        twin = scoring.scored(spec, CONTROL, groups, corrupt, progress, twin=True)
        found += [twin] if twin is not None else []
    return found, notes


def _row(
    v: Verifier, truths: Sequence[np.ndarray], scenes: Sequence[str], p: Mapping[str, float], useful: float
) -> VerifierRow:  # fmt: skip
    found = noticed.noticed(v.pairs)
    if not p or math.isnan(p[v.label]):
        return VerifierRow(v.label, v.role, "", "", None, None, found, v.seconds, v.errors)
    ranking = statistics.ranking(v.scores, truths, scenes, p[v.label])
    worth = statistics.worth(v.scores, truths, scenes)
    return VerifierRow(v.label, v.role, *verdicts.verdict(ranking, useful), ranking, worth, found, v.seconds, v.errors)


def _notes(
    verifiers: Sequence[Verifier], groups: Sequence[Candidates], known: bool, fused: Sequence[Fusion]
) -> list[str]:  # fmt: skip
    notes = []
    if not known:
        notes.append("no truth is known, so nothing says how the clips should be ranked; give scores by --truth FILE")
        if all(len(g.each) == 1 for g in groups):
            notes.append("every prompt has one video; put the candidates of a prompt into one subfolder")
    elif not fused and len(verifiers) > 1:
        notes.append(f"nothing is fused below {fusion.LEAST} scenes")
    lost = sorted({e for v in verifiers for e in v.errors})
    notes += [f"not scored: {e}" for e in lost[:3]]
    return notes
