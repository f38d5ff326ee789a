"""`make rewards-table`: which rewards tell possible from impossible motion in the tiny world?

AUROC of the reward for valid clips against each way of breaking the laws, on the held-out clips of `make gates`: the
shipped V-JEPA 2, the same network with random weights, the shipped VideoMAE, and the rewards without weights. 0.5 is
chance. Intervals: 95 %, percentile bootstrap over scenes, a valid and an invalid clip of which are drawn together.
Below it, whether the VideoMAE has learnt to move the balls: its error on what it rebuilds, beside that of guesses.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.gates import FRAMES, SEED, STRIDE, clips_of
from raysearch import rewards
from raysearch.rewards.networks import pixels
from raysearch.rewards.videomae.reward import VideoMAEReward
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.tinyworld.physics import SCENES, VIOLATIONS, sample, simulate
from raysearch.tinyworld.render import background, render

RESAMPLES = 2000
Judge = Callable[[torch.Tensor], torch.Tensor]  # videos [B, T, 3, H, W] in [0, 1] -> rewards [B]


def judges() -> dict[str, Judge]:
    """The rewards by column; those with windows move them by the same number of frames."""
    trained = VJEPA2Reward.load("tiny")
    options = trained.convention.options() | {"stride": STRIDE}
    torch.manual_seed(0)
    random = VJEPA2Reward(type(trained.model)(trained.model.config), **options)
    masked = rewards.load({"name": "videomae", "model": "tiny", "stride": STRIDE})
    torch.manual_seed(0)
    unmasked = type(masked)(type(masked.model)(masked.model.config), stride=STRIDE)
    return {
        "vjepa2": VJEPA2Reward(trained.model, **options).reward, "vjepa2 random": random.reward,
        "videomae": masked.reward, "videomae random": unmasked.reward,
        **{name: rewards.load({"name": name}).reward for name in ("smoothness", "flicker", "motion")},
    }  # fmt: skip


@torch.no_grad()
def scores(judge: Judge, violation: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rewards of n valid clips and of the same scenes with the violation; through_ball needs scenes with two."""
    sides = clips_of(violation, n, "two_balls" if violation == "through_ball" else "one_ball")
    valid, invalid = (torch.cat([judge(v) for v in side.split(16)]).double().numpy() for side in sides)
    return valid, invalid


@torch.no_grad()
def rebuilding(reward: VideoMAEReward, n: int, scene: str) -> dict[str, float]:
    """Mean squared error, pixels in [0, 1], on the hidden half of the windows of n valid held-out clips.

    Of the network, of the empty background, and of the last frame that is given, held.
    """
    assert not reward.norm_pix
    scenes = sample(np.random.default_rng([SEED, 3]), n, scene)
    video = torch.from_numpy(render(scenes, simulate(scenes, FRAMES))).permute(0, 1, 4, 2, 3).float() / 255
    clips = pixels.windows(video, reward.window, reward.stride)
    (given,) = reward.contexts
    hidden, last = clips[:, :, given:], clips[:, :, given - 1, None]
    empty = torch.from_numpy(background(scenes)).permute(0, 3, 1, 2)[:, None, None]
    return {
        "videomae": reward.surprise(video).mean().item(),
        "background": (empty - hidden).square().mean().item(),
        "last frame held": (last - hidden).square().mean().item(),
    }


def auroc(valid: np.ndarray, invalid: np.ndarray) -> tuple[float, np.ndarray]:
    """(probability that a valid clip outranks an invalid one, ties half; the same of RESAMPLES draws of the scenes)."""
    ahead = (valid[:, None] > invalid[None]) + 0.5 * (valid[:, None] == invalid[None])
    n = len(valid)
    share = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES) / n
    return float(ahead.mean()), ((share @ ahead) * share).sum(1)


def row(of: dict[str, tuple[float, np.ndarray]]) -> dict[str, list[float]]:
    """By violation and for their mean: AUROC and the ends of its interval."""
    mean = float(np.mean([value for value, _ in of.values()])), np.mean([draws for _, draws in of.values()], 0)
    return {
        name: [value, *np.quantile(draws, [0.025, 0.975]).tolist()]
        for name, (value, draws) in (of | {"mean": mean}).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rewards_table", description=__doc__)
    parser.add_argument("--clips", type=int, default=16, help="scenes per violation (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/rewards_table.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    columns = {}
    for name, judge in judges().items():
        columns[name] = row({v: auroc(*scores(judge, v, args.clips)) for v in VIOLATIONS})
        print(f"{name}: mean AUROC {columns[name]['mean'][0]:.3f}", flush=True)
    print("\n" + table(columns))
    masked = VideoMAEReward.load("tiny", stride=STRIDE)
    errors = {scene: rebuilding(masked, 128, scene) for scene in SCENES}
    for scene, of in errors.items():
        print(f"{scene}, error on the hidden half: " + ", ".join(f"{k} {v:.4f}" for k, v in of.items()))
    record = {"clips": args.clips, "frames": FRAMES, "resamples": RESAMPLES, "auroc": columns, "rebuilding": errors}
    args.json.write_text(json.dumps(record, indent=1) + "\n")


def table(columns: dict[str, dict[str, list[float]]]) -> str:
    """In Markdown, a row for every violation."""
    lines = ["| valid against | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for v in (*VIOLATIONS, "mean"):
        cells = [f"{value:.2f} ({low:.2f}-{high:.2f})" for value, low, high in (c[v] for c in columns.values())]
        lines.append(f"| {v} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
