"""The types that all rooms share: Move, Outcome, Round, Result.

A search yields Rounds of Moves and receives their Outcomes in the same order. A Move is a pure function of its
fields, so it has a content key (`Move.key`), which is also the handle of the state it makes. Outcomes hold numbers and
handles, never tensors. Everything here is frozen and needs only the standard library, numpy and annotated_types.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le, Predicate

from raysearch.canonical import decode, digest, encode, keyed
from raysearch.coefficients import KERNELS, kernel_kind
from raysearch.errors import UsageError

__all__ = [
    "GUIDES",
    "KERNELS",
    "NORMS",
    "Cost",
    "Fraction",
    "Guide",
    "Kernel",
    "Move",
    "Outcome",
    "Result",
    "Round",
    "Search",
    "Seed",
    "Window",
    "argbest",
    "decode",
    "digest",
    "encode",
]  # fmt: skip

GUIDES, NORMS = ("mean", "full"), ("relative", "plain", "variance")  # the arithmetic is in raysearch.sampling.guidance
Seed = tuple[
    int, ...
]  # an address, such as (run seed, round, slot): which noise, never how much of a stream is used up
Fraction = Annotated[float, Ge(0), Le(1)]
Window = Annotated[
    tuple[Fraction, Fraction], Predicate(lambda w: w[0] <= w[1]), "two fractions of the steps, [start, end]"
]


@dataclass(frozen=True)
class Kernel:
    """How one denoising step moves a particle.

    Attributes:
        name: one of ode, 2m, ddim_eta, flow_sde, cps, renoise and vp_sde, or a custom `package.module:NAME`; `ode` and
            `2m` are deterministic, the others bring noise.
        eta: strength of the noise; at most 1 for ddim_eta and cps, 0 for ode and 2m.
        window: where there is noise, two fractions of the steps (0 the first, 1 the last); the ode outside.

    Raises:
        UsageError: for an unknown name and an eta out of the kernel's range.
    """

    KEYED: ClassVar[tuple[str, ...]] = ("name", "eta", "window")

    name: str = "ode"
    eta: Annotated[float, Ge(0)] = 0.0
    window: Window = (0.0, 1.0)

    def __post_init__(self) -> None:
        largest = kernel_kind(self.name).largest_eta
        if not 0 <= self.eta <= largest:
            remedy = f"give a number in [0, {largest:g}]" if largest else "this kernel has no noise; choose another"
            raise UsageError(f"kernel.eta={self.eta!r} of {self.name}: {remedy}")

    @property
    def stochastic(self) -> bool:
        """Whether it brings fresh noise anywhere."""
        return self.eta > 0 or kernel_kind(self.name).always_noisy


@dataclass(frozen=True)
class Guide:
    """Steering inside a Move with the gradient g of the reward.

    Attributes:
        name: `mean` differentiates with respect to x0_hat; `full` goes on through the network to x; or a custom
            `package.module:function`.
        scale: length of a step along g, see norm; 0 is no guide.
        window: the part of the denoising that is guided, two fractions of the steps.
        every: of the steps in the window every n-th is guided, from the first on.
        inner: gradient steps at each guided step; `full` runs the network again after each.
        travel: how many times a guided step is undone by re-noising and taken again.
        norm: unit of the scale. `relative` moves by scale * |x| along g; `plain` by scale * g; `variance` moves the
            mean of the next state by scale * sd^2 * g, so that scale is lambda.
        clip: the largest shift of the mean of a step that has noise, in sd of the noise, as a norm over all dimensions;
            null for no limit.
        strict: guide only steps that have noise, where log p - log q corrects the guide entirely.
        shrink: spatial scale of the latents that are decoded for the gradient.
        chunk: latent frames decoded at a time for the gradient; null for all.
        recompute: keep no activations of decoder and network but compute them again; slower, with less memory.
        through_context: whether the gradient also flows through the frames from which a reward predicts the others;
            false stops it there, as WMReward's published code does (of rewards that predict: vjepa2).
    """

    KEYED: ClassVar[tuple[str, ...]] = (
        "name", "scale", "window", "every", "inner", "travel", "norm", "clip", "strict", "shrink", "chunk", "recompute",
    )  # fmt: skip

    name: str = "mean"
    scale: Annotated[float, Ge(0)] = 0.0
    window: Window = (0.0, 1.0)
    every: Annotated[int, Ge(1)] = 1
    inner: Annotated[int, Ge(1)] = 1
    travel: Annotated[int, Ge(0)] = 0
    norm: str = "relative"
    clip: Annotated[float, Gt(0)] | None = None
    strict: bool = False
    shrink: Annotated[float, Gt(0), Le(1)] = 1.0
    chunk: Annotated[int, Ge(1)] | None = None
    recompute: bool = False
    through_context: bool = True


@dataclass(frozen=True)
class Move:
    """Denoise from a parent state (or from fresh noise) to step `to`, then score a preview.

    Attributes:
        parent: handle of the state to start from; None draws fresh noise, which is the state at step 0.
        seed: address of the noise of this Move.
        to: the step to stop at; 0 is pure noise, the generator's number of steps is a finished video.
        kernel: how each step moves the particle.
        guide: steering with the reward's gradient, or None.
        back: first re-noise the parent to this earlier step (search over paths).
        mutate: first mix fresh noise into the noise component e of the parent, e' = sqrt(1 - mutate^2) e +
            mutate*fresh, with mutate in [0, 1]; x0_hat is unchanged (zero-order, evolutionary and pCN search).
        score: False leaves the Outcome without reward and costs no decode.
        drift: with mutate, from a parent at step 0 to step 0: the mutation also follows the gradient of the reward of
            x0_hat, by (1 - sqrt(1 - mutate^2)) * scale * gradient (pCNL), and the Outcome's log_ratio is that of prior
            and proposals there and back. Of the Guide only name, scale, clip, shrink, chunk and recompute count. It
            takes two network function evaluations.
        variant: the wording that the generator is given in place of the prompt's text; None for that text itself.
            Rewards that read the text are always given the prompt's own.
        chunks: (first, end), to score the chunks of a chunked video from the first to before the end alone, counted
            from the first that is made; those before 0 are given ones, if there are any. None scores all that is begun.
    """

    KEYED: ClassVar[tuple[str, ...]] = ("parent", "seed", "to", "kernel", "guide", "back", "mutate")

    parent: str | None
    seed: Seed
    to: int
    kernel: Kernel = Kernel()
    guide: Guide | None = None
    back: int | None = None
    mutate: float = 0.0
    score: bool = True
    drift: Guide | None = None
    variant: str | None = None
    chunks: tuple[int, int] | None = None

    @property
    def steered(self) -> bool:
        """Whether it asks for gradients of the reward."""
        return self.guide is not None or self.drift is not None

    def key(self, scope: str) -> str:
        """Handle of the state this Move makes; `scope` is the fingerprint of generator and prompt.

        Whether a preview is scored does not change the state, so `score` takes no part.
        """
        return digest([scope, {k: v for k, v in keyed(self).items() if k != "score"}])


@dataclass(frozen=True)
class Cost:
    """What a Move cost.

    Attributes:
        nfe: network function evaluations.
        reward_calls: scored previews.
        generate_s: busy seconds of a generator replica.
        reward_s: busy seconds of a reward replica.
        gradients: reward gradients that guides asked for.
    """

    nfe: int = 0
    reward_calls: int = 0
    generate_s: float = 0.0
    reward_s: float = 0.0
    gradients: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.nfe + other.nfe, self.reward_calls + other.reward_calls, self.generate_s + other.generate_s,
            self.reward_s + other.reward_s, self.gradients + other.gradients,
        )  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """The result of a Move.

    Attributes:
        key: handle of the new state.
        reward: what the search maximises, higher is better; NaN where nothing was scored or scoring failed.
        rewards: every measurement of the preview by name, the reward included.
        log_ratio: log p - log q of the path under the reference kernel p and the proposal q; 0 without a guide. Guided
            steps without noise, or with time travel, cannot be corrected and contribute nothing.
        cost: what the Move cost.
        why: why scoring failed, by reward; empty if it did not.
        decode: which cheaper decode the rewards have seen (generator.preview); empty for the model's own.
    """

    key: str
    reward: float = math.nan
    rewards: Mapping[str, float] = field(default_factory=dict)
    log_ratio: float = 0.0
    cost: Cost = Cost()
    why: str = ""
    decode: str = ""

    def detail(self, name: str) -> float:
        """The first measurement that a reward calls `name`, such as `break`; NaN where there is none."""
        return next((v for key, v in self.rewards.items() if key.rpartition(".")[2] == name), math.nan)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as the journal keeps them."""
        plain: dict[str, Any] = encode(asdict(self))
        if not self.decode:
            del plain["decode"]
        return plain

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Outcome:
        """The inverse of `to_json`; journals without `why` or `decode` are read as well."""
        d = decode(data)
        return Outcome(d["key"], float(d["reward"]), d["rewards"], float(d["log_ratio"]), Cost(**d["cost"]),
                       d.get("why", ""), d.get("decode", ""))  # fmt: skip


@dataclass(frozen=True)
class Round:
    """The Moves that a search wants next, and a note for observers that enters no digest.

    Attributes:
        moves: in slot order; the Outcomes come back in the same order.
        note: in the first Round the largest number of `rounds` and of network evaluations (`nfe`) that the whole search
            can take, where it is known; later what the search did with the last Outcomes (ess, ancestors, lambda, ...).
    """

    moves: tuple[Move, ...]
    note: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "moves", tuple(self.moves))


@dataclass(frozen=True)
class Result:
    """What a search returns.

    Attributes:
        finals: Outcomes of the final population, in slot order.
        best: index into `finals`: the highest reward, the lowest slot among equals, never NaN; or what `choose` chose.
        log_weights: normalised log-weights of `finals`, or None where the search is no sampler.
        log_z: log of the estimated normalising constant, or None.
        notes: what the search reports: ESS and lambda as used, genealogy, number of distinct roots, ...
    """

    finals: tuple[Outcome, ...]
    best: int
    log_weights: tuple[float, ...] | None = None
    log_z: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def winner(self) -> Outcome:
        """The best of `finals`."""
        return self.finals[self.best]

    @staticmethod
    def of_best(finals: Sequence[Outcome], **notes: Any) -> Result:
        """The result whose best is the highest reward of a population; `notes` are reported with it."""
        return Result(tuple(finals), argbest([o.reward for o in finals]), notes=notes)

    def digest(self) -> str:
        """Hash of everything the search decided, bit for bit; costs, which are measured, take no part."""
        finals = [[o.key, o.reward, dict(o.rewards), o.log_ratio] for o in self.finals]
        return digest([finals, self.best, self.log_weights, self.log_z, self.notes])


Search = Generator[Round, list[Outcome], Result]


def argbest(rewards: Sequence[float]) -> int:
    """Index of the highest reward, the lowest index among equals. Raises ValueError if all rewards are NaN."""
    usable = [i for i, r in enumerate(rewards) if not math.isnan(r)]
    if not usable:
        raise ValueError(f"no candidate has a reward: all {len(rewards)} scored NaN; see the journal for the reasons")
    return max(usable, key=lambda i: (rewards[i], -i))
