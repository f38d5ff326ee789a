"""`make gates`: is the tiny pair fit to ship? Every figure beside the limit it must meet; exit code 1 if one does not.

Codec: reconstruction. World model: rank of its features, AUROC of the reward for valid against each kind of invalid
physics, on held-out clips. Pair: rank correlation of reward and trajectory error among candidates of one condition.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from raysearch.report.statistics import spearman
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.tinyworld import weights
from raysearch.tinyworld.codec import TinyPatchCodec
from raysearch.tinyworld.physics import VIOLATIONS, sample, simulate
from raysearch.tinyworld.render import render
from raysearch.tinyworld.train.codec import psnr
from raysearch.tinyworld.train.data import clips
from raysearch.tinyworld.train.worldmodel import normalise

FRAMES, STRIDE, SEED = 25, 3, 777
ONSET = (9, 16)  # frames at which physics breaks, the last one excluded
LIMITS = {"codec_db": 28.0, "feature_rank": 10.0, "auroc.vanish": 0.95, "auroc": 0.8, "within_condition_rho": 0.4}


def clips_of(violation: str, n: int, scene: str) -> tuple[torch.Tensor, torch.Tensor]:
    """n valid clips and the same scenes with the violation, [n, frames, 3, H, W] in [0, 1].

    Physics breaks at a frame of ONSET; where a law fails only at a contact, those scenes are taken in which the contact
    falls there. Scenes in which the violation hardly shows are left out.
    """
    rng = np.random.default_rng([SEED, 2, VIOLATIONS.index(violation)])
    scenes = sample(rng, 40 * n, scene)
    at = rng.integers(*ONSET, len(scenes))
    valid, invalid = simulate(scenes, FRAMES), simulate(scenes, FRAMES, violation, at, rng)
    shows = np.ones(len(scenes), bool)
    if violation not in ("vanish", "appear", "colour_change"):
        apart = np.linalg.norm(valid.position - invalid.position, axis=-1) * valid.visible
        shows = apart.max((1, 2)) > 2
    if violation in ("through_wall", "through_ball"):
        first = (apart.max(2) > 0.2).argmax(1)
        shows &= (first >= ONSET[0]) & (first < ONSET[1])
    pick = np.nonzero(shows)[0][:n]
    return _video(scenes[pick], valid[pick]), _video(scenes[pick], invalid[pick])


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Probability that a positive outranks a negative; ties count half."""
    greater = (positive[:, None] > negative[None]).mean()
    return float(greater + 0.5 * (positive[:, None] == negative[None]).mean())


@torch.no_grad()
def feature_rank(reward: VJEPA2Reward, n: int = 64) -> float:
    """Effective rank of the encoder's features: exp of the entropy of their spectrum."""
    video = normalise(clips(SEED, 1, n, 16)[0].transpose(1, 2))
    z = reward.model.encoder(video).last_hidden_state.flatten(0, 1)
    spectrum = torch.linalg.eigvalsh(torch.cov(z.T)).clamp(min=0)
    p = spectrum / spectrum.sum()
    return torch.exp(-(p * (p + 1e-12).log()).sum()).item()


@torch.no_grad()
def aurocs(
    reward: VJEPA2Reward,
    n: int,
    scene: str,
    codec: TinyPatchCodec | None = None,
    violations: Sequence[str] = VIOLATIONS,
) -> dict[str, float]:
    """AUROC of valid against each violation in scenes of one kind; through the codec if one is given.

    The clips are longer than generated ones, so that violations fall anywhere in a window; windows are STRIDE apart.
    """
    reward = VJEPA2Reward(reward.model, **(reward.convention.options() | {"stride": STRIDE}))

    def judged(video: torch.Tensor) -> np.ndarray:
        if codec is not None:
            coded = codec((video * 2 - 1).transpose(1, 2)).transpose(1, 2)
            video = ((coded.clamp(-1, 1) + 1) * 127.5).round() / 255
        return torch.cat([reward.reward(v) for v in video.split(16)]).numpy()

    shown = [v for v in violations if v != "through_ball" or scene == "two_balls"]
    return {v: auroc(*(judged(x) for x in clips_of(v, n, scene))) for v in shown}


def within_condition(conditions: int, candidates: int) -> float:
    """Mean over held-out conditions of the Spearman correlation of reward and minus trajectory error."""
    from examples.candidates import draw

    rewards, truth = draw(conditions, candidates)
    error = truth["trajectory_error"]
    return float(np.nanmean([spearman(r, -e) for r, e in zip(rewards, error, strict=True)]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gates", description=__doc__)
    parser.add_argument("--clips", type=int, default=48, help="clips per class (default: %(default)s)")
    parser.add_argument("--conditions", type=int, default=32, help="held-out conditions (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    reward = VJEPA2Reward.load("tiny")
    codec = TinyPatchCodec.from_pretrained(weights("generator") / "vae").eval()
    random = VJEPA2Reward(type(reward.model)(reward.model.config), **reward.convention.options())
    n = args.clips
    columns = {
        "one ball": aurocs(reward, n, "one_ball"),
        "two balls": aurocs(reward, n, "two_balls"),
        "through codec": aurocs(reward, n, "one_ball", codec),
        "random weights": aurocs(random, n, "one_ball"),
    }
    print(f"{'AUROC valid vs':<16}" + "".join(f"{c:>16}" for c in columns))
    for v in VIOLATIONS:
        print(f"{v:<16}" + "".join(f"{c[v]:16.3f}" if v in c else f"{'-':>16}" for c in columns.values()))
    gated = {v: columns["two balls" if v == "through_ball" else "one ball"][v] for v in VIOLATIONS}
    figures = {
        "codec_db": psnr(codec),
        "feature_rank": feature_rank(reward),
        "within_condition_rho": within_condition(args.conditions, 8),
        **{f"auroc.{v}": a for v, a in gated.items()},
    }
    failed = []
    for name, value in figures.items():
        limit = LIMITS.get(name, LIMITS.get(name.split(".")[0], 0.0))
        failed += [name] * (value < limit)
        print(f"{name:<24}{value:8.3f}  must be at least {limit:<6g}{'ok' if value >= limit else 'FAILS'}")
    if args.json:
        record = {"figures": figures, "auroc": columns}
        args.json.write_text(json.dumps(record, indent=1) + "\n")
    if failed:
        print(f"below the limit: {', '.join(failed)}")
    return int(bool(failed))


def _video(scenes, motion) -> torch.Tensor:
    return torch.from_numpy(render(scenes, motion)).permute(0, 1, 4, 2, 3).float() / 255


if __name__ == "__main__":
    sys.exit(main())
