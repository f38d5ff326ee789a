"""`make lag`: what a score that lags one step costs, and network calls that are made twice, before and after.

Before, a read after step k scored x0_hat of the state at k - 1, and every child of a state made the same first network
call. Now a state carries x0_hat of itself. Both are run here at equal n, on a chain whose posterior is known exactly:
root mean square error of the posterior mean by smc, the reward of the best video of each search (0 is the highest
possible), and network evaluations (NFE), of them those made twice. In one dimension and without noise the particles of
halving keep their order, so lag costs it nothing here. With `--scenes` also searches of the tiny pair on held-out
scenes, at equal NFE: reward, trajectory error and intervals (bootstrap over scenes, 95 %).
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from examples.candidates import prompts, truth_of
from examples.exact.drivers import Toy, drive, replicate
from examples.exact.models import DDPM, LinearGaussian
from raysearch.config import tiny_defaults
from raysearch.config.settings import GeneratorConfig, Job
from raysearch.moves import Kernel, Move, Outcome, Search
from raysearch.prompts import Prompt
from raysearch.report.statistics import interval
from raysearch.sampling.state import State
from raysearch.sampling.workers import GeneratorWorker
from raysearch.search import strategy

STEPS, PARTICLES, LAM, SEARCHES = (8, 12, 20, 50), 16, 4.0, ("smc", "beam", "rbf", "halving")
OPTIONS: dict[str, dict[str, Any]] = {
    "smc": {"n": PARTICLES, "lam": LAM}, "beam": {"n": PARTICLES}, "rbf": {"n": PARTICLES}, "halving": {"n": PARTICLES},
}  # fmt: skip


class Lagging(LinearGaussian):
    """The chain with scores that lag: a state is (x, the preview with which its last step was taken), (n, 2)."""

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, ratio = super().draw(rng, n)
        return np.stack([x, x], 1), ratio

    def advance(self, x: np.ndarray, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        now, ratio = super().advance(x[:, 0], k, rng)
        return np.stack([now, self.preview(x[:, 0], k)], 1), ratio

    def reward(self, x: np.ndarray, step: int) -> np.ndarray:
        seen = x[:, 0] if step == self.steps else x[:, 1]
        return -((seen - self.c) ** 2) / (2 * self.tau2)


@dataclass
class LaggingToy(Toy):
    """Every Move by itself as it was before: it scores the preview of the step before and makes all its own calls.

    Attributes:
        twice: network evaluations that another child of the same parent had made already.
        children: Moves so far from each parent.
    """

    twice: int = 0
    children: Counter[str] = field(default_factory=Counter)

    def read(self, x: float, before: float, step: int) -> float:
        at = step if step == self.model.steps else step - 1
        return float(self.model.reward(np.array(x if at == step else before), at))

    def _cost(self, move: Move, key: str, step: int) -> int:
        if move.parent is not None and move.back is None and not move.mutate and move.to > step:
            self.twice += self.children[move.parent] > 0
            self.children[move.parent] += 1
        return move.to - step


def rmse(model: LinearGaussian, runs: int) -> tuple[float, float]:
    """Root mean square error of the posterior mean by smc, and its standard error."""
    mean, errors = model.exact()[1], []
    for result, x in replicate(model, lambda i: _search("smc", i, model.steps), runs, seed=0):
        ends = x[:, 0] if x.ndim == 2 else x
        errors.append(float(np.exp(result.log_weights) @ ends) - mean)
    square = np.array(errors) ** 2
    value = math.sqrt(square.mean())
    return value, float(square.std(ddof=1) / math.sqrt(runs) / (2 * value))


def searched(name: str, steps: int, runs: int, make: Callable[[LinearGaussian], Toy]) -> dict[str, float]:
    """Means over runs: reward of the best video with its standard error, NFE, and NFE made twice."""
    best, nfe, twice = [], 0, 0
    for seed in range(runs):
        toy = make(LinearGaussian(DDPM, steps))
        result, _ = drive(_search(name, seed, steps), toy.run)
        best.append(result.winner.reward)
        nfe += toy.nfe
        twice += toy.twice if isinstance(toy, LaggingToy) else sum(max(0, n - 1) for n in toy.begun.values())
    se = float(np.std(best, ddof=1) / math.sqrt(runs))
    return {"best": float(np.mean(best)), "se": se, "nfe": nfe / runs, "twice": twice / runs}


def _search(name: str, seed: int, steps: int) -> Search:
    kernel = {} if name == "halving" else {"kernel": DDPM}
    return strategy(name)(seed, steps, **OPTIONS[name], **kernel)


def exact(runs: int, searches: int) -> list[dict[str, Any]]:
    """The table on the exact chain; a row for every number of steps and search."""
    rows = []
    print(
        f"RMSE of the posterior mean by smc (lambda {LAM:g}): {runs} runs; other columns: {searches}; n = {PARTICLES}"
    )
    print(f"{'steps':>5} {'search':<9}{'RMSE before':>16}{'RMSE after':>16}{'best before':>18}{'best after':>18}"
          f"{'NFE before (twice)':>22}{'NFE after (twice)':>20}")  # fmt: skip
    for steps in STEPS:
        for name in SEARCHES:
            errors = (
                [rmse(cls(DDPM, steps, lam=LAM), runs) for cls in (Lagging, LinearGaussian)] if name == "smc" else []
            )
            before, after = (searched(name, steps, searches, make) for make in (LaggingToy, Toy))
            told = [f"{value:.4f} ± {se:.4f}" for value, se in errors] or ["", ""]
            best = [f"{row['best']:.4f} ± {row['se']:.4f}" for row in (before, after)]
            calls = [f"{row['nfe']:.0f} ({row['twice'] / row['nfe']:.0%})" for row in (before, after)]
            cells = f"{told[0]:>16}{told[1]:>16}{best[0]:>18}{best[1]:>18}{calls[0]:>22}{calls[1]:>20}"
            print(f"{steps:>5} {name:<9}{cells}", flush=True)
            rows.append({"steps": steps, "search": name, "rmse": errors, "before": before, "after": after})
    return rows


class Pair:
    """The tiny pair, Move by Move in this process; before: scores lag a step and every Move makes all its own calls."""

    def __init__(self, before: bool) -> None:
        from raysearch.rewards.vjepa2.reward import VJEPA2Reward

        job = Job(generator=GeneratorConfig())
        tiny_defaults(job)
        self.before, self.reward = before, VJEPA2Reward.load("tiny")
        self.worker = GeneratorWorker(job.generator, self.reward.size, threads=1)
        self.steps: int = job.generator.steps or 0

    def play(self, search: Search, prompt: Prompt) -> tuple[Outcome, int, np.ndarray]:
        """The winner of a search, the NFE it took, and the winner's video."""
        states: dict[str, State] = {}
        videos: dict[str, np.ndarray] = {}
        nfe = 0

        def run(move: Move) -> Outcome:
            nonlocal nfe
            key, parent = move.key(prompt.id), states.get(move.parent or "")
            seen, start = None, 0 if parent is None else parent.step
            if self.before and start < move.to < self.steps:  # the view of the step before, then on from there
                parent, seen = self._advance(Move(move.parent, move.seed, move.to - 1, move.kernel), prompt, parent)[:2]
                move = Move(key, move.seed, move.to, move.kernel)
            states[key], view, cost = self._advance(move, prompt, parent)
            nfe += move.to - start if self.before else cost
            videos[key] = view if seen is None else seen
            return Outcome(key, self.reward.score(videos[key], prompt).value)

        result, _ = drive(search, run)
        return result.winner, nfe, videos[result.winner.key]

    def _advance(self, move: Move, prompt: Prompt, parent: State | None) -> tuple[State, np.ndarray, int]:
        state, view, effort = self.worker.advance(move, "", prompt, parent)
        assert state is not None and view is not None
        return state, view, effort.nfe


def scenes(count: int, budget: int) -> Iterator[dict[str, Any]]:
    """Searches of the tiny pair at equal NFE, before and after, each against best-of-n; a row for each search."""
    noisy, found = Kernel("ddim_eta", 0.7, (0.2, 0.8)), dict[tuple[str, bool], list[tuple[float, float, int]]]()
    pairs, todo = {before: Pair(before) for before in (True, False)}, prompts(count)
    for at, prompt in enumerate(todo):
        for name in ("best_of_n", *SEARCHES):
            for before, pair in pairs.items():
                kernel = {} if name in ("best_of_n", "halving") else {"kernel": noisy}
                winner, nfe, video = pair.play(strategy(name)(0, pair.steps, budget=budget, **kernel), prompt)
                error = float(truth_of(prompt, video[None])["trajectory_error"][0])
                found.setdefault((name, before), []).append((winner.reward, error, nfe))
        print(f"\r{at + 1}/{count} scenes", end="", flush=True)
    print()
    base = np.array(found["best_of_n", False])
    for (name, before), values in found.items():
        table = np.array(values)
        gain, error = table[:, 0] - base[:, 0], table[:, 1] - base[:, 1]
        yield {"search": name, "before": before, "reward": float(table[:, 0].mean()), "nfe": float(table[:, 2].mean()),
               "gain": float(gain.mean()), "gain_interval": [*map(float, interval(gain))], "error": float(error.mean()),
               "error_interval": [*map(float, interval(error))]}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lag", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="of smc for the RMSE (default: %(default)s)")
    parser.add_argument("--searches", type=int, default=60, help="of every search (default: %(default)s)")
    parser.add_argument("--scenes", type=int, default=0, help="held-out scenes of the tiny pair; 64 take hours")
    parser.add_argument("--budget", type=int, default=96, help="NFE of each search of the tiny pair")
    parser.add_argument("--json", type=Path, help="write the tables to this file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    tables: dict[str, Any] = {"exact": exact(args.runs, args.searches)}
    if args.scenes:
        tables["tiny"] = list(scenes(args.scenes, args.budget))
        for row in tables["tiny"]:
            when = "before" if row["before"] else "after"
            gain, error = (f"{row[k]:+.4f} [{row[f'{k}_interval'][0]:+.4f}, {row[f'{k}_interval'][1]:+.4f}]"
                           for k in ("gain", "error"))  # fmt: skip
            print(f"{row['search']:<10}{when:<8}{row['nfe']:6.0f} NFE  reward {row['reward']:.4f}  {gain}  px {error}")
    if args.json:
        args.json.write_text(json.dumps(tables, indent=1) + "\n")


if __name__ == "__main__":
    main()
