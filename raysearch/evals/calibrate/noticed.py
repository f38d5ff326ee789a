"""Which corruptions of clips a verifier notices: paired shares and AUROC, with intervals over prompts.

A corruption says whether gross errors are seen, not whether near-misses of a generator are ranked; neither follows from
the other. A verifier that reacts to controls as strongly as to violations measures brightness, contrast or motion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from raysearch.evals.calibrate import paired, statistics
from raysearch.evals.calibrate.corruptions import CONTROL, CORRUPTIONS, STILL, VIOLATION
from raysearch.evals.calibrate.scoring import Pair
from raysearch.evals.calibrate.statistics import Interval
from raysearch.evals.calibrate.verdicts import CHANCE, FEW

SEES = "sees broken motion"
USEFUL = 0.2  # a paired share of .7, less 1/2


@dataclass(frozen=True)
class PairedShare:
    """One corruption: how often the clean clip has the higher score.

    Attributes:
        group: violation, often legal, control or still.
        share: Of the pairs, ties half; less 1/2, so that 0 is chance, with its interval (Wilson, over prompts).
        auroc: Probability that any clean clip outranks any corrupted one.
        clips: Number of pairs.
    """

    group: str
    share: Interval
    auroc: float
    clips: int


@dataclass(frozen=True)
class Noticed:
    """What a verifier notices.

    Attributes:
        by: Each corruption by name.
        violations: Mean share over violations less 1/2, over prompts.
        controls: The largest distance of a control's share from 1/2, and which control that is.
        verdict: In three words.
        why: The sentence that explains it.
    """

    by: Mapping[str, PairedShare]
    violations: Interval
    controls: tuple[float, str]
    verdict: str
    why: str


def noticed(pairs: Sequence[Pair]) -> Noticed | None:
    """What the pairs of a verifier say; None without any."""
    known = [p for p in pairs if np.isfinite([p.clean, p.corrupted]).all()]
    if not known:
        return None
    by = {n: _paired(g, [p for p in known if p.corruption == n]) for n, (g, _) in CORRUPTIONS.items()
          if any(p.corruption == n for p in known)}  # fmt: skip
    broken = [p for p in known if CORRUPTIONS[p.corruption][0] == VIOLATION]
    each = paired.preferred(*_sides(broken)) - 0.5
    violations = statistics.mean(statistics.per_scene(each.tolist(), [str(p.prompt) for p in broken]))
    controls = max(((abs(x.share.value), n) for n, x in by.items() if x.group == CONTROL), default=(0.0, ""))
    return Noticed(by, violations, controls, *_verdict(by, violations, controls))


def _paired(group: str, pairs: Sequence[Pair]) -> PairedShare:
    clean, other = _sides(pairs)
    share = float(paired.preferred(clean, other).mean())
    prompts = len({p.prompt for p in pairs})
    return PairedShare(group, paired.wilson(share, prompts), paired.auroc(clean, other), len(pairs))


def _sides(pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([p.clean for p in pairs]), np.array([p.corrupted for p in pairs])


def _verdict(by: Mapping[str, PairedShare], violations: Interval, controls: tuple[float, str]) -> tuple[str, str]:
    says = []
    if controls[0] >= max(abs(violations.value), 0.1):
        says.append(f"it reacts to a harmless change ({controls[1]}) as strongly as to broken motion")
    if (found := by.get(STILL)) and found.share.value < 0:
        says.append("it prefers a still picture to the clip, so gate it by motion")
    if violations.above:
        return SEES, "; ".join(says)
    if violations.high < USEFUL:
        below = "it prefers the broken clips" if violations.below else "a paired share of .7 is ruled out"
        return CHANCE, "; ".join([below, *says])
    return FEW, "; ".join(["about 37 prompts would show a paired share of .7", *says])
