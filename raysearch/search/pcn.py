"""pCN: Markov chains on the initial noise with the exact target p(z) exp(lambda r(x(z))); valid for the ode too.

The proposal z' = sqrt(1 - beta^2) z + beta eps is reversible under the prior, so acceptance is exp(lambda (r' - r)).
A stochastic kernel proposes its later noise afresh, which is reversible as well.
"""

from __future__ import annotations

import math

from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search, argbest
from raysearch.search.common import ODE, afford, at_least, proper, ranked, rewards, stream


def pcn(
    seed: int,
    steps: int,
    *,
    n: int = 4,
    rounds: int = 8,
    lam: float = 10.0,
    beta: float = 0.3,
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: int | None = None,
) -> Search:
    """Run n Markov chains on the initial noise: a sampler of exp(lambda * reward) for any kernel.

    n: chains, or `budget` in NFE, from which n follows. rounds: proposals of each chain.
    lam: inverse temperature, at least 0.
    beta: size of a proposal, in (0, 1]; 1 proposes independent noise.
    The result holds the last state of each chain at equal weight, and the best video seen (weight zero if it was left).
    Paper: Cotter et al. 2013, Statistical Science 28(3), arXiv 1202.0709 (pCN); on diffusion noise: Psi-Sampler
    """
    at_least(1, rounds=rounds)
    at_least(0, lam=lam)
    proper(beta=beta)
    n = afford(n, budget, lambda m: m * steps * (1 + rounds))
    plan = {"rounds": 2 + 2 * rounds, "nfe": n * steps * (1 + rounds)}
    noises = yield Round(tuple(Move(None, (seed, 0, i, 0), 0, score=False) for i in range(n)), plan)
    states = yield Round(tuple(Move(z.key, (seed, 0, i, 1), steps, kernel, guide) for i, z in enumerate(noises)))
    best, accepted = _best(states), 0
    for k in range(1, rounds + 1):
        mutants = (Move(z.key, (seed, k, i, 0), 0, mutate=beta, score=False) for i, z in enumerate(noises))
        proposals = yield Round(tuple(mutants))
        found = yield Round(tuple(Move(z.key, (seed, k, i, 1), steps, kernel, guide) for i, z in enumerate(proposals)))
        u = [stream(seed, k, i).random() for i in range(n)]
        taken = [_accepted(lam, *pair) for pair in zip(states, found, u, strict=True)]
        noises = [z if t else old for t, z, old in zip(taken, proposals, noises, strict=True)]
        states = [f if t else old for t, f, old in zip(taken, found, states, strict=True)]
        best, accepted = _best([best, *found]), accepted + sum(taken)
    log_w = [-math.log(n)] * n
    left = best.key not in {s.key for s in states}
    finals = [*states, best] if left else list(states)
    log_w += [-math.inf] * left
    notes = {"n": n, "lambda": lam, "acceptance": accepted / (n * rounds), "roots": n}
    return Result(tuple(finals), argbest(rewards(finals).tolist()), tuple(log_w), None, notes)


def _accepted(lam: float, state: Outcome, found: Outcome, u: float) -> bool:
    """Metropolis-Hastings; a NaN reward is never moved to and always left."""
    if math.isnan(found.reward) or math.isnan(state.reward):
        return not math.isnan(found.reward)
    return math.log(max(u, 1e-300)) < lam * (found.reward - state.reward)


def _best(outcomes: list[Outcome]) -> Outcome:
    return outcomes[ranked(rewards(outcomes))[0]]
