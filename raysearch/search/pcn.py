"""pCN: Markov chains on the initial noise z with the exact target p(z) exp(lambda r(x(z))), for any kernel.

The proposal z' = sqrt(1 - beta^2) z + beta*eps is reversible under the prior, so it is accepted with probability
min(1, exp(lambda (r' - r))). A stochastic kernel draws its later noise anew in each proposal, which is reversible too.
"""

from __future__ import annotations

import math

from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search, argbest
from raysearch.options import Count, NonNegative, PositiveFraction
from raysearch.search.common import ODE, afford, ranked, rewards, stream

LISTED = 7


def pcn(
    seed: int,
    steps: int,
    *,
    n: Count = 4,
    rounds: Count = 8,
    lam: NonNegative = 10.0,
    beta: PositiveFraction = 0.3,
    kernel: Kernel = ODE,
    guide: Guide | None = None,
    budget: Count | None = None,
) -> Search:
    """Run n Markov chains on the initial noise: a sampler of exp(lambda * reward) for any kernel.

    The result holds the last state of each chain with equal weights, and the best video seen; that one has weight zero
    if its chain has left it.

    Args:
        n: number of chains; `budget` sets it instead.
        rounds: proposals of each chain.
        lam: inverse temperature lambda of the target.
        beta: size of a proposal; 1 proposes independent noise.

    Paper: Cotter et al. 2013, Statistical Science 28(3), arXiv 1202.0709 (pCN); on diffusion noise: Psi-Sampler
    """
    n = afford(n, budget, lambda m: m * steps * (1 + rounds))
    plan = {"rounds": 2 + 2 * rounds, "nfe": n * steps * (1 + rounds)}
    noises = yield Round(tuple(Move(None, (seed, 0, i, 0), 0, score=False) for i in range(n)), plan)
    states = yield Round(tuple(Move(z.key, (seed, 0, i, 1), steps, kernel, guide) for i, z in enumerate(noises)))
    best, acceptances, origin = _best(states), 0, noises[0].key
    for k in range(1, rounds + 1):
        mutants = (Move(z.key, (seed, k, i, 0), 0, mutate=beta, score=False) for i, z in enumerate(noises))
        proposals = yield Round(tuple(mutants))
        videos = yield Round(tuple(Move(z.key, (seed, k, i, 1), steps, kernel, guide) for i, z in enumerate(proposals)))
        u = [stream(origin, seed, k, i).random() for i in range(n)]
        accepted = [_accepted(lam, *triple) for triple in zip(states, videos, u, strict=True)]
        noises = [z if t else old for t, z, old in zip(accepted, proposals, noises, strict=True)]
        states = [v if t else old for t, v, old in zip(accepted, videos, states, strict=True)]
        best, acceptances = _best([best, *videos]), acceptances + sum(accepted)
    log_w = [-math.log(n)] * n
    left = best.key not in {s.key for s in states}
    finals = [*states, best] if left else list(states)
    log_w += [-math.inf] * left
    notes = {"n": n, "lambda": lam, "acceptance": acceptances / (n * rounds), "roots": n}
    return Result(tuple(finals), argbest(rewards(finals).tolist()), tuple(log_w), None, notes)


def _accepted(lam: float, state: Outcome, proposal: Outcome, u: float) -> bool:
    """Metropolis-Hastings; a proposal without reward is refused, a state without reward is left for one that has it."""
    if math.isnan(proposal.reward) or math.isnan(state.reward):
        return not math.isnan(proposal.reward)
    return math.log(max(u, 1e-300)) < lam * (proposal.reward - state.reward)


def _best(outcomes: list[Outcome]) -> Outcome:
    return outcomes[ranked(rewards(outcomes))[0]]
