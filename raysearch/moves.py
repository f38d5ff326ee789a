"""The vocabulary every other file speaks: Move, Outcome, Round, Result.

A search yields Rounds of Moves and receives their Outcomes in the same order. A Move is a pure function of its
fields, so it has a content key (`Move.key`); the state it makes carries that key as its handle. Outcomes hold
numbers and handles, never tensors. Everything here is frozen and knows only the standard library and numpy.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar

KERNELS = ("ode", "2m", "ddim_eta", "flow_sde", "cps", "renoise")  # the arithmetic is in raysearch.sampling.kernels
GUIDES, NORMS = ("mean", "full"), ("relative", "plain", "variance")  # the arithmetic is in raysearch.sampling.guidance
Seed = tuple[int, ...]  # an address, e.g. (run seed, round, slot): which noise, never how much of a stream is used up


@dataclass(frozen=True)
class Kernel:
    """How one denoising step moves a particle.

    name: `ode` is deterministic; the others are stochastic with strength `eta` inside `window`, a pair of fractions
    of the steps (0 = first step, 1 = last), and the ode outside it.
    """

    KEYED: ClassVar[tuple[str, ...]] = ("name", "eta", "window")

    name: str = "ode"
    eta: float = 0.0
    window: tuple[float, float] = (0.0, 1.0)

    @property
    def stochastic(self) -> bool:
        return self.name not in ("ode", "2m") and (self.eta > 0 or self.name == "renoise")


@dataclass(frozen=True)
class Guide:
    """Steering inside a Move with the reward's gradient: `mean` stops it at x0_hat, `full` goes through the network.

    scale, norm: length of a step up the gradient g. `relative` moves x (full) or x0_hat (mean) by scale * |x| along g;
    `plain` by scale * g; `variance` moves the mean of the next state by scale * sd^2 * g, so scale is lambda.
    window, every: which steps are guided, fractions of them as a kernel's window, and of those every n-th.
    inner: steps up the gradient per denoising step; `full` runs the network again after each.
    travel: so many times a guided step goes back by re-noising and is taken again.
    clip: where a step has noise, the most that the mean moves, in sd, norm over all dimensions; None for no limit.
    strict: guide noisy steps alone, where log p - log q corrects all of it; a sampler needs that.
    shrink: spatial scale in (0, 1] of the latents that are decoded for the gradient. chunk: latent frames decoded at a
    time. recompute: keep no activations of decoder and network, compute them again; takes time, saves memory.
    """

    KEYED: ClassVar[tuple[str, ...]] = (
        "name", "scale", "window", "every", "inner", "travel", "norm", "clip", "strict", "shrink", "chunk", "recompute",
    )  # fmt: skip

    name: str = "mean"
    scale: float = 0.0
    window: tuple[float, float] = (0.0, 1.0)
    every: int = 1
    inner: int = 1
    travel: int = 0
    norm: str = "relative"
    clip: float | None = None
    strict: bool = False
    shrink: float = 1.0
    chunk: int | None = None
    recompute: bool = False


@dataclass(frozen=True)
class Move:
    """From a parent state (or from fresh noise) to step `to`, then score a preview.

    parent: handle of the state to go on from; None draws fresh noise, which is the state at step 0.
    seed:   address of the noise of this Move.
    to:     denoise until this step; 0 is pure noise, the generator's number of steps is a finished video.
    back:   first re-noise the parent to this earlier step (search over paths).
    mutate: first mix fresh noise into the parent's noise component, e' = sqrt(1 - mutate^2) e + mutate * fresh,
            in [0, 1]; leaves x0_hat where it is (zero-order, evolutionary and pCN search).
    score:  False leaves the Outcome without reward and costs no decode.
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

    def key(self, scope: str) -> str:
        """Handle of the state this Move makes; `scope` is the fingerprint of generator and prompt.

        Whether a preview is scored does not change the state, so `score` takes no part.
        """
        return digest([scope, {k: v for k, v in keyed(self).items() if k != "score"}])


@dataclass(frozen=True)
class Cost:
    """What a Move took: network function evaluations, reward calls, busy seconds of each pool.

    gradients: of the reward, asked for by guides.
    """

    nfe: int = 0
    reward_calls: int = 0
    generate_s: float = 0.0
    reward_s: float = 0.0
    gradients: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(a + b for a, b in zip(self._tuple(), other._tuple(), strict=True)))

    def _tuple(self) -> tuple:
        return (self.nfe, self.reward_calls, self.generate_s, self.reward_s, self.gradients)


@dataclass(frozen=True)
class Outcome:
    """What came of a Move.

    reward:    what the search goes by, higher is better; NaN where nothing was scored or scoring failed.
    rewards:   every measurement of the preview by name, the one above included.
    log_ratio: log p - log q of the path under the reference kernel and the proposal; 0 without guidance, and for the
        steps of a guide that have no noise or that travel: those are not corrected.
    why:       why scoring failed, by reward; empty if it did not.
    """

    key: str
    reward: float = math.nan
    rewards: Mapping[str, float] = field(default_factory=dict)
    log_ratio: float = 0.0
    cost: Cost = Cost()
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return encode(asdict(self))

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Outcome:
        d = decode(data)
        return Outcome(d["key"], float(d["reward"]), d["rewards"], float(d["log_ratio"]), Cost(**d["cost"]),
                       d.get("why", ""))  # fmt: skip


@dataclass(frozen=True)
class Round:
    """The Moves a search wants next, and a note for observers, which no digest knows.

    The note of the first Round says, where it is known, how many `rounds` and network evaluations (`nfe`) the whole
    search takes, at most; further entries are what the search makes of it (ess, ancestors, lambda ...).
    """

    moves: tuple[Move, ...]
    note: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "moves", tuple(self.moves))


@dataclass(frozen=True)
class Result:
    """What a search found.

    finals:      Outcomes of the final population, in slot order.
    best:        index into `finals`: the highest reward, ties to the lowest slot, NaN never; or what `choose` chose.
    log_weights: normalised log-weights of `finals`, or None where the search is no sampler.
    log_z:       log of the estimated normalising constant, or None.
    notes:       what the search wants known: ESS and lambda as used, genealogy, distinct roots ...
    """

    finals: tuple[Outcome, ...]
    best: int
    log_weights: tuple[float, ...] | None = None
    log_z: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def winner(self) -> Outcome:
        return self.finals[self.best]

    @staticmethod
    def of_best(finals: Sequence[Outcome], **notes: Any) -> Result:
        """The plain argmax of a population."""
        return Result(tuple(finals), argbest([o.reward for o in finals]), notes=notes)

    def digest(self) -> str:
        """Hash of everything decided, bit for bit; costs, which are measured, take no part."""
        finals = [[o.key, o.reward, dict(o.rewards), o.log_ratio] for o in self.finals]
        return digest([finals, self.best, self.log_weights, self.log_z, self.notes])


Search = Generator[Round, list[Outcome], Result]


def keyed(part: Any) -> dict[str, Any]:
    """The fields of a dataclass that enter a key: those its `KEYED` names, and later ones unless at their default.

    So a field that is added later, with a default that changes nothing, leaves every key as it was.
    """
    entries = {}
    for f in fields(part):
        value = getattr(part, f.name)
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        if f.name in part.KEYED or value != default:
            entries[f.name] = keyed(value) if is_dataclass(value) else value
    return entries


def argbest(rewards: Sequence[float]) -> int:
    """Index of the highest reward, the lowest index among equals. Raises ValueError if there is none but NaN."""
    usable = [i for i, r in enumerate(rewards) if not math.isnan(r)]
    if not usable:
        raise ValueError(f"no candidate has a reward: all {len(rewards)} scored NaN; see the journal for the reasons")
    return max(usable, key=lambda i: (rewards[i], -i))


def digest(value: Any) -> str:
    """128 bits of SHA-256 over canonical JSON; floats enter by their exact shortest representation."""
    text = json.dumps(encode(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def encode(value: Any) -> Any:
    """As plain JSON values; numpy scalars and arrays included; inf and NaN as {"float": "nan"}."""
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    if hasattr(value, "tolist"):  # numpy
        return encode(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"cannot write {value!r} of type {type(value).__name__} as JSON")


def decode(value: Any) -> Any:
    """The inverse of `encode`, up to tuples that became lists."""
    if isinstance(value, Mapping):
        if set(value) == {"float"}:
            return float(value["float"])
        return {k: decode(v) for k, v in value.items()}
    if isinstance(value, list):
        return [decode(v) for v in value]
    return value
