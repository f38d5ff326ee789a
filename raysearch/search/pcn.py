"""pCN: Markov chains on the initial noise z with the exact target p(z) exp(lambda r(x(z))), for any kernel.

The proposal z' = sqrt(1 - beta^2) z + beta*eps is reversible under the prior, so it is accepted with probability
min(1, exp(lambda (r' - r))). With a drift (pCNL) it follows the gradient of the reward of x0_hat(z) as well, and is
accepted with the ratio of the proposals there and back beside that of the target: raysearch.sampling.drift. A
stochastic kernel draws its later noise anew in each proposal, which is reversible too.
"""

from __future__ import annotations

import math
from dataclasses import replace

from raysearch.moves import Guide, Kernel, Move, Outcome, Result, Round, Search, argbest
from raysearch.options import Count, PositiveFraction, Strength
from raysearch.search.common import ODE, afford, ranked, rewards, stream
from raysearch.search.schedules import inverse_temperature

LISTED = 7


def pcn(
    seed: int,
    steps: int,
    *,
    n: Count = 4,
    rounds: Count = 8,
    lam: Strength = 10.0,
    beta: PositiveFraction = 0.3,
    drift: Guide | None = None,
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
        lam: inverse temperature lambda of the target; or {sd: 1.9} for 1.9 over the spread of the reward within a
            prompt, which `raysearch run` measures in the first round unless `spread` gives it.
        beta: size of a proposal; 1 proposes independent noise.
        drift: makes proposals follow the gradient of the reward of the one-step preview (pCNL), as a mapping such as
            {name: full, scale: 1, clip: 1}; the scale is in units of lambda, clip bounds the drift in units of beta.

    Paper: Cotter et al. 2013, Statistical Science 28(3), arXiv 1202.0709 (pCN, pCNL); on noise: Psi-Sampler, 2506.01320
    """
    lam, spread = inverse_temperature(lam)
    pull = None if drift is None or not lam * drift.scale else replace(drift, scale=lam * drift.scale)
    each = steps * (1 + rounds) + 2 * rounds * (pull is not None)
    n = afford(n, budget, lambda m: m * each)
    plan = {"rounds": 2 + 2 * rounds, "nfe": n * each}
    noises = yield Round(tuple(Move(None, (seed, 0, i, 0), 0, score=False) for i in range(n)), plan)
    states = yield Round(tuple(Move(z.key, (seed, 0, i, 1), steps, kernel, guide) for i, z in enumerate(noises)))
    best, acceptances, origin = _best(states), 0, noises[0].key
    for k in range(1, rounds + 1):
        mutants = (Move(z.key, (seed, k, i, 0), 0, mutate=beta, score=False, drift=pull) for i, z in enumerate(noises))
        proposals = yield Round(tuple(mutants))
        videos = yield Round(tuple(Move(z.key, (seed, k, i, 1), steps, kernel, guide) for i, z in enumerate(proposals)))
        u = [stream(origin, seed, k, i).random() for i in range(n)]
        accepted = [_accepted(lam, *four) for four in zip(states, videos, proposals, u, strict=True)]
        noises = [z if t else old for t, z, old in zip(accepted, proposals, noises, strict=True)]
        states = [v if t else old for t, v, old in zip(accepted, videos, states, strict=True)]
        best, acceptances = _best([best, *videos]), acceptances + sum(accepted)
    log_w = [-math.log(n)] * n
    left = best.key not in {s.key for s in states}
    finals = [*states, best] if left else list(states)
    log_w += [-math.inf] * left
    notes: dict[str, object] = {"n": n, "lambda": lam, "acceptance": acceptances / (n * rounds), "roots": n}
    if spread is not None:
        notes["spread"] = spread
    return Result(tuple(finals), argbest(rewards(finals).tolist()), tuple(log_w), None, notes)


def _accepted(lam: float, state: Outcome, proposal: Outcome, noise: Outcome, u: float) -> bool:
    """Metropolis-Hastings; a proposal without reward is refused, a state without reward is left for one that has it."""
    if math.isnan(proposal.reward) or math.isnan(state.reward):
        return not math.isnan(proposal.reward)
    return math.log(max(u, 1e-300)) < lam * (proposal.reward - state.reward) + noise.log_ratio


def _best(outcomes: list[Outcome]) -> Outcome:
    return outcomes[ranked(rewards(outcomes))[0]]
