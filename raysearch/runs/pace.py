"""How fast one replica is: measured by a run, given in seconds, or computed from what the models compute.

Computed is FLOP / (peak of the GPU x MFU), where MFU, the share of the peak that is reached, is stated: .45 for
transformers in half precision, as good kernels reach, and .1 for convolutions of autoencoders, which wait for memory.
A time below FLOP / peak is impossible, and refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.generators.scale import Scale
from raysearch.names import lookup
from raysearch.rewards.vjepa2.arithmetic import encoder, score_flop
from raysearch.runs.judges import Judge
from raysearch.runs.plan import Pace

MFU, CONVOLUTIONS = 0.45, 0.1
TERA = 1e12
SMALL = TERA  # FLOP of an evaluation below which its arithmetic does not tell how long it takes


@dataclass(frozen=True)
class Gpu:
    """A GPU, by its data sheet: dense peaks in TFLOP/s, memory in GB.

    Attributes:
        half: in bfloat16 and float16.
        tf32: in TF32, which convolutions in float32 use.
        single: in float32.
        memory: in GB.
    """

    half: float
    tf32: float
    single: float
    memory: float

    def peak(self, dtype: str, convolutions: bool = False) -> float:
        """FLOP/s at most in a dtype."""
        return TERA * (self.half if dtype != "float32" else self.tf32 if convolutions else self.single)


GPUS: Mapping[str, Gpu] = {
    "A100-40": Gpu(312, 156, 19.5, 40), "A100": Gpu(312, 156, 19.5, 80), "H100": Gpu(989, 494, 67, 80),
    "H200": Gpu(989, 494, 67, 141), "B200": Gpu(2250, 1125, 75, 180), "L40S": Gpu(362, 183, 91.6, 48),
    "L4": Gpu(121, 60, 30.3, 24), "RTX4090": Gpu(165, 82.6, 82.6, 24),
}  # fmt: skip


@dataclass(frozen=True)
class Speed:
    """The pace of a replica, and where each of its figures comes from, for people.

    Attributes:
        pace: seconds of an evaluation, of a decode and of all scores of a view.
        sources: one line for each.
    """

    pace: Pace
    sources: tuple[str, ...]


def gpu(name: str) -> Gpu:
    """The data sheet of a GPU, by its name. Raises UsageError for one that is not listed."""
    return lookup("--gpu", next((known for known in GPUS if known.lower() == name.lower()), name), GPUS)


def speed(
    job: Job, judges: Sequence[Judge], scale: Scale | None, name: str = "H100", mfu: float = MFU,
    given: Pace | None = None, measured: str = "",
) -> Speed:  # fmt: skip
    """The pace of a replica of a job.

    Args:
        job: the job.
        judges: its rewards.
        scale: of its generator; None where it is not known.
        name: of the GPU.
        mfu: share of its peak that a network reaches.
        given: seconds that are given or measured, which win where they are not NaN.
        measured: the run that they come from; empty where they were given.

    Raises:
        UsageError: for a time that the GPU cannot reach, and where no time of an evaluation is known.
    """
    card, ranks = gpu(name), job.cluster.generators.ranks
    scale = scale if computable(scale) else None
    given = given or Pace(float("nan"), float("nan"), float("nan"))
    pace, told = Pace(given.evaluation_s, given.decode_s, given.score_s), []
    where = _origin(measured)
    if scale is not None:
        least = scale.flop / (ranks * card.peak(scale.dtype))
        if given.evaluation_s < least and not measured:
            raise UsageError(
                f"--seconds-per-nfe {given.evaluation_s:g}: an evaluation is {scale.flop / 1e15:.3g} PFLOP, that is "
                f"{least:.2g} s at the peak of {_several(ranks, name)} and about {least / mfu:.2g} s in practice; "
                "leave it out, or name another GPU by --gpu"
            )
        if not given.evaluation_s >= 0:
            pace, where = replace(pace, evaluation_s=least / mfu), _computed(scale, card, name, ranks, mfu)
    if not pace.evaluation_s >= 0:
        raise UsageError(
            f"generator.model={job.generator.model!r}: the speed of a replica cannot be computed, because the network "
            "or the size of the videos is not known here, or too small; give --from RUN (a finished run) or "
            "--seconds-per-nfe S"
        )
    told.append(f"{pace.evaluation_s:.3g} s an evaluation: {where}")
    decode, line = _decode(scale, card, given, measured)
    told.append(line)
    score, line = _score(job, judges, scale, card, mfu, given, measured)
    return Speed(replace(pace, decode_s=decode, score_s=score), (*told, line))


def computable(scale: Scale | None) -> bool:
    """Whether the seconds of an evaluation follow from its arithmetic: it is known, and no trifle."""
    return scale is not None and scale.flop >= SMALL


def _computed(scale: Scale, card: Gpu, name: str, ranks: int, mfu: float) -> str:
    peak = card.peak(scale.dtype) / TERA
    return (
        f"{scale.forwards} x {scale.flop / scale.forwards / 1e15:.3g} PFLOP over {scale.tokens:,} tokens, at {mfu:g} "
        f"of {peak:g} TFLOP/s ({_several(ranks, name)}, {scale.dtype})"
    )


def _decode(scale: Scale | None, card: Gpu, given: Pace, measured: str) -> tuple[float, str]:
    if given.decode_s >= 0:
        return (
            given.decode_s,
            f"{given.decode_s:.3g} s a decode: {_origin(measured)}",
        )
    if scale is None or scale.decode_flop is None:
        return 0.0, "0 s a decode: not known; give --seconds-per-decode"
    peak = card.peak(scale.vae_dtype, convolutions=True)
    seconds = scale.decode_flop / (peak * CONVOLUTIONS)
    return seconds, (
        f"{seconds:.3g} s a decode: {scale.decode_flop / TERA:.3g} TFLOP of convolutions at {CONVOLUTIONS:g} of "
        f"{peak / TERA:g} TFLOP/s ({scale.vae_dtype})"
    )


def _score(
    job: Job, judges: Sequence[Judge], scale: Scale | None, card: Gpu, mfu: float, given: Pace, measured: str
) -> tuple[float, str]:
    if given.score_s >= 0:
        return given.score_s, f"{given.score_s:.3g} s a score: {_origin(measured)}"
    frames = scale.made if scale is not None else job.generator.num_frames
    seconds, unknown, counted = 0.0, [], 0.0
    for judge in judges:
        flop = score_flop(judge.settings, frames, job.generator.fps) if frames else None
        if flop is None:
            unknown.append(judge.label)
            continue
        counted += flop
        seconds += flop / (card.peak(str(judge.settings.get("dtype", "float32"))) * mfu)
    rest = f"; not counted: {', '.join(unknown)}" if unknown else ""
    return seconds, f"{seconds:.3g} s a score: {counted / TERA:.3g} TFLOP{rest}"


def reward_bytes(judges: Sequence[Judge]) -> float:
    """Bytes of the weights of the rewards that are known."""
    found = [(encoder(str(j.settings.get("model"))), str(j.settings.get("dtype", "float32"))) for j in judges]
    return sum(of.parameters * (4 if dtype == "float32" else 2) for of, dtype in found if of is not None)


def _origin(measured: str) -> str:
    return f"measured by {measured}" if measured else "as given"


def _several(ranks: int, name: str) -> str:
    return f"{ranks} {name}" if ranks > 1 else name
