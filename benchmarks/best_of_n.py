"""`make best-of-n`: what choosing by the V-JEPA 2 reward gains on held-out scenes of the tiny world, N = 1 to 16.

Every scene gets 16 candidates, drawn as `raysearch run` draws them; the expected value of the chosen one at smaller N
comes from the same pool without bias (order statistics). Selectors: the shipped reward, the same network with random
weights, no choice (random), and the oracle, which knows the measure. Intervals: bootstrap over scenes, 95 %.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from examples.candidates import truth_of, views
from raysearch.rewards.motion import Motion
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.search.best_of_n import expected_best
from raysearch.tinyworld.truth import HIGHER_IS_BETTER

SIZES = (1, 2, 4, 8, 16)


def collect(conditions: int, candidates: int, seed: int) -> dict[str, np.ndarray]:
    """Every figure of every candidate, [conditions, candidates]: two rewards, motion and the truth."""
    trained = VJEPA2Reward.load("tiny")
    torch.manual_seed(seed)
    network = type(trained.model)(trained.model.config)
    random = VJEPA2Reward(network, **settings(trained))
    rows: dict[str, list[np.ndarray]] = {}
    for k, (prompt, videos) in enumerate(views(conditions, candidates, seed)):
        found = {name: np.array([r.score(v, prompt).value for v in videos])
                 for name, r in (("reward", trained), ("random_weights", random), ("motion", Motion()))}  # fmt: skip
        for name, values in (found | truth_of(prompt, videos)).items():
            rows.setdefault(name, []).append(values)
        print(f"\r{k + 1}/{conditions} scenes", end="", flush=True)
    print()
    return {name: np.stack(values) for name, values in rows.items()}


def chosen(selector: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Per scene, the expected value of the best of n by `selector`."""
    return np.array([expected_best(list(s), n, list(v)) for s, v in zip(selector, values, strict=True)])


def interval(values: np.ndarray, draws: int = 4000) -> list[float]:
    """95 % bootstrap interval of the mean over scenes."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (draws, len(values)))].mean(1)
    return [float(q) for q in np.quantile(means, (0.025, 0.975))]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    ranks = [np.argsort(np.argsort(v)) for v in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1]) if min(np.ptp(a), np.ptp(b)) > 0 else float("nan")


def settings(reward: VJEPA2Reward) -> dict:
    """The arguments that make the same reward of another network."""
    return reward.convention.options()


def table(data: dict[str, np.ndarray]) -> dict[str, dict]:
    """By measure: the mean of the chosen one for every selector and N, and the changes with their intervals."""
    found = {}
    sizes = [n for n in SIZES if n <= data["reward"].shape[1]]
    for measure, values in data.items():
        if measure == "random_weights":
            continue
        better = 1.0 if measure in HIGHER_IS_BETTER or measure in ("reward", "motion") else -1.0
        selectors = {"vjepa2": data["reward"], "random_weights": data["random_weights"], "oracle": better * values}
        curves = {s: {n: chosen(r, values, n) for n in sizes} for s, r in selectors.items()}
        top = sizes[-1]
        gain = curves["vjepa2"][top] - values.mean(1)
        over_random = curves["vjepa2"][top] - curves["random_weights"][top]
        found[measure] = {
            "higher_is_better": better > 0,
            "random_choice": float(values.mean()),
            **{s: {str(n): float(v.mean()) for n, v in c.items()} for s, c in curves.items()},
            f"change_at_{top}": {"mean": float(gain.mean()), "interval": interval(gain)},
            f"versus_random_weights_at_{top}": {"mean": float(over_random.mean()), "interval": interval(over_random)},
            "within_scene_rho": float(np.nanmean([
                spearman(r, better * v) for r, v in zip(data["reward"], values, strict=True)
            ])),
        }  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.best_of_n", description=__doc__)
    parser.add_argument("--conditions", type=int, default=64, help="held-out scenes (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=16, help="candidates each (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/best_of_n.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = collect(args.conditions, args.candidates, args.seed)
    kinds = {"all": slice(None), "one_ball": slice(0, None, 2), "two_balls": slice(1, None, 2)}
    result = {"conditions": args.conditions, "candidates": args.candidates, "seed": args.seed,
              "measures": {k: table({m: v[part] for m, v in data.items()}) for k, part in kinds.items()}}  # fmt: skip
    args.out.write_text(json.dumps(result, indent=1) + "\n")
    show(result["measures"]["all"], args.candidates)


def show(measures: dict[str, dict], top: int) -> None:
    sizes = [n for n in SIZES if n <= top]
    print(f"{'measure':<20}" + "".join(f"{f'N={n}':>9}" for n in sizes)
          + f"{'change [95 %]':>28}{'random net':>12}{'oracle':>9}{'rho':>7}")  # fmt: skip
    for name, m in measures.items():
        change, n = m[f"change_at_{sizes[-1]}"], str(sizes[-1])
        low, high = change["interval"]
        row = "".join(f"{m['vjepa2'][str(k)]:9.4f}" for k in sizes)
        told = f"{change['mean']:+.4f} [{low:+.4f}, {high:+.4f}]"
        print(
            f"{name:<20}{row}{told:>28}{m['random_weights'][n]:12.4f}{m['oracle'][n]:9.4f}{m['within_scene_rho']:+7.2f}"
        )


if __name__ == "__main__":
    main()
