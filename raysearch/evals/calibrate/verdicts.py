"""The three verdicts on a verifier, and how many prompts a verdict takes."""

from __future__ import annotations

import math

from raysearch.evals.calibrate.statistics import LEVEL, Ranking

POWER = 6.2  # (z of 5 % + z of 80 %)^2, one-sided
USEFUL = 0.3  # a rank correlation that is worth finding: about this share of the oracle's gain
ABOVE, CHANCE, FEW = "ranks above chance", "no better than chance", "too few to tell"


def prompts_needed(rho: float, candidates: float, tau: float) -> int:
    """Scenes, of one prompt each, that show a rank correlation with a power of 80 %, at one-sided 5 %.

    6.2 (1/(N-1) + tau^2) / rho^2 + 1, where N candidates, even unrelated, scatter their correlation by 1/sqrt(N-1).
    """
    return math.ceil(POWER * (1 / (candidates - 1) + tau**2) / rho**2 + 1)


def detectable(prompts: int, candidates: float, tau: float) -> float:
    """The rank correlation that so many prompts find with a power of 80 %; the inverse of `prompts_needed`."""
    return math.sqrt(POWER * (1 / (candidates - 1) + tau**2) / max(prompts - 1, 1e-9))


def verdict(found: Ranking, useful: float = USEFUL) -> tuple[str, str]:
    """One of the three verdicts, and the sentence that explains it.

    Above chance: the interval is above 0, and so is the verifier as the best of all that are compared (p <= 5 %). No
    better than chance: the interval is below 0, or reaches up to 0 and leaves out a useful correlation.
    """
    rho, family_wise = found.rho, not found.p > 1 - LEVEL
    if rho.above and family_wise:
        return ABOVE, "a verifier without any signal gets here in at most 5 of 100 calibrations"
    if rho.below:
        return CHANCE, "it ranks below chance: the better clip tends to have the lower score, so look at its sign"
    if not rho.above and rho.high < useful:
        return CHANCE, f"a rank correlation of {useful:g} or more is ruled out"
    if found.candidates <= 1 or found.prompts == 0:
        return FEW, "a rank correlation needs at least two candidates of a prompt, with their truth"
    effect = rho.value if rho.value >= useful / 3 else useful
    needed = prompts_needed(effect, found.candidates, found.tau)
    text = f"about {needed} prompts of {found.candidates:.3g} candidates would show a rank correlation of {effect:.2f}"
    if rho.above:
        text = f"above chance by itself, but not as the best of several verifiers (p = {found.p:.3f}); " + text
    return FEW, text
