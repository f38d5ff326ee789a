"""`python -m benchmarks.wording`: what a search over wordings is worth, on exact arms and on the shipped pair.

Exact arms: a wording has a mean, a video its own part of deviation 1, and the reward an error of deviation e; the value
is the quality (mean + own part) of the video with the highest reward. Shipped pair (`--run FOLDER --scenes N`):
held-out scenes of the tiny world with four wordings, two of which name the wrong number of balls; a pool of videos for
each wording is drawn once by a run, and every rule then draws from random orders of the pool. Each wording serves as
the original once. Regret: against best-of-n on the wording whose pool has the highest mean reward, which nobody knows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from raysearch import config, runs
from raysearch.moves import Move, Outcome, Result, Search
from raysearch.search import strategy
from raysearch.search.across import across

STEPS = 4  # of an exact video; only the number of videos counts
WORDINGS = {
    "one_ball": ("a ball", "ball", "balls", "two balls"), "two_balls": ("two balls", "balls", "ball", "a ball"),
}  # fmt: skip
GOOD = 2  # the first wordings of each kind name the right number of balls
ERROR = "tinyworld_truth.trajectory_error"
POOL = 12  # videos of each wording; at least as many as a search may ask of one
Draw = Callable[[int, int], Outcome]  # the i-th video of a wording


def driven(search: Search, variants: Sequence[str | None], draw: Draw) -> Result:
    """A search to its end, with the videos of each wording in the order in which they are asked for."""
    counts, outcomes = [0] * len(variants), None
    while True:
        try:
            round_ = search.send(outcomes) if outcomes is not None else next(search)
        except StopIteration as end:
            found: Result = end.value
            return found
        outcomes = []
        for move in round_.moves:
            k = _place(move, variants)
            outcomes.append(draw(k, counts[k]))
            counts[k] += 1


def rules(n: int, count: int) -> dict[str, Callable[[Draw, int], tuple[Outcome, list[float]]]]:
    """By name: the video that a rule picks, and the share of the videos that it gave each wording."""
    variants = [None, *(f"v{k}" for k in range(1, count))]

    def wording(draw: Draw, seed: int) -> tuple[Outcome, list[float]]:
        return _told(driven(strategy("wording")(seed, STEPS, n=n, variants=variants), variants, draw))

    def uniform(draw: Draw, seed: int) -> tuple[Outcome, list[float]]:
        each = across(lambda s, _: strategy("best_of_n")(s, STEPS, n=n // count), seed, STEPS, variants)
        return _told(driven(each, variants, draw))

    def alone(k: int) -> Callable[[Draw, int], tuple[Outcome, list[float]]]:
        def pick(draw: Draw, seed: int) -> tuple[Outcome, list[float]]:
            videos = [draw(k, i) for i in range(n)]
            return max(videos, key=lambda o: o.reward), [float(j == k) for j in range(count)]

        return pick

    return {"wording": wording, "uniform": uniform, **{f"alone {k}": alone(k) for k in range(count)}}


def exact(count: int, n: int, spread: float, error: float, repeats: int, mislead: int = 0) -> dict[str, object]:
    """Value, and shares of the videos on the best wording and on those that do not mislead, of every rule.

    Args:
        count: wordings.
        n: videos.
        spread: standard deviation of the means of wordings.
        error: of the reward.
        repeats: times that means and videos are drawn.
        mislead: how many wordings, not the original, are worse by two standard deviations of a seed.
    """
    rng, every = np.random.default_rng([count, n]), rules(n, count)
    values: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(repeats):
        means = spread * rng.normal(size=count) - 2.0 * (np.arange(count) >= count - mislead)
        own, off = rng.normal(size=(count, n)), error * rng.normal(size=(count, n))
        quality = means[:, None] + own
        best = int(np.argmax(means))

        def draw(k: int, i: int, q: np.ndarray = quality, r: np.ndarray = quality + off) -> Outcome:
            return Outcome(f"{k}-{i}", float(r[k, i]), {"quality": float(q[k, i])})

        wanted = {"wording": "wording", "uniform": "uniform", "alone 0": "original", f"alone {best}": "best known"}
        for name, called in wanted.items():
            if name == "alone 0" and best == 0:
                values.setdefault("original", []).append(_seen(every["alone 0"], draw, seed, best, mislead))
                called = "best known"
            values.setdefault(called, []).append(_seen(every[name], draw, seed, best, mislead))
    table = {name: _summary(np.array(pairs)) for name, pairs in values.items()}
    return {
        "wordings": count, "videos": n, "sd_of_means": spread, "error": error, "mislead": mislead, "repeats": repeats,
        "rules": table,
    }  # fmt: skip


def pool(folder: str, scenes: int, seed: int) -> Path:
    """The run that draws the pools: POOL videos of each wording of each scene; it goes on where it was stopped."""
    kinds = list(WORDINGS)
    items = [
        {"id": f"{kinds[k % 2]}-{k:03d}", "text": texts[0], "variants": list(texts[1:]), "scene": kinds[k % 2],
         "scene_seed": k}
        for k in range(scenes) for texts in [WORDINGS[kinds[k % 2]]]
    ]  # fmt: skip
    job = {
        "run": folder, "seed": seed, "prompts": {"items": items}, "films": "none", "latents": "none",
        "search": {"name": "best_of_n", "n": POOL, "across": "variants"}, "watch": [{"name": "tinyworld_truth"}],
        "cluster": {"executor": "inline"},
    }  # fmt: skip
    runs.run(config.typed(job, "benchmarks.wording"))
    return Path(folder) / "result.json"


def shipped(result: Path, n: int, repeats: int) -> dict[str, object]:
    """The rules on the pools of a run, with every wording as the original."""
    scenes = [_pool(entry) for entry in json.loads(result.read_text())["searches"]]
    count, rows = len(scenes[0]), dict[str, list[list[float]]]()
    every = rules(n, count)
    for place, videos in enumerate(scenes):
        best = int(np.argmax([np.mean([o.reward for o in each]) for each in videos]))
        for original in range(count):
            order = [original, *(k for k in range(count) if k != original)]
            names = {"wording": "wording", "uniform": "uniform", "alone 0": "original"}
            row = {called: _averaged(every[name], videos, order, repeats, place) for name, called in names.items()}
            known = _averaged(every[f"alone {order.index(best)}"], videos, order, repeats, place)
            for called, found in (*row.items(), ("best known", known)):
                rows.setdefault(f"{called}, original {'names' if original < GOOD else 'misses'}", []).append(
                    [*found, known[0] - found[0]]
                )
    means = [[float(np.mean([o.reward for o in each])) for each in videos] for videos in scenes]
    errors = [[float(np.mean([o.rewards[ERROR] for o in each])) for each in videos] for videos in scenes]
    heads = ("reward", "error_px", "share_right", "regret")
    return {
        "scenes": len(scenes), "videos": n, "repeats": repeats,
        "reward_by_wording": np.mean(means, axis=0).tolist(), "error_by_wording_px": np.mean(errors, axis=0).tolist(),
        "rules": {name: dict(zip(heads, np.mean(found, axis=0).tolist(), strict=True)) for name, found in rows.items()},
        "sem_of_regret": {name: float(np.std([f[-1] for f in found], ddof=1) / np.sqrt(len(found)))
                          for name, found in rows.items()},
    }  # fmt: skip


def _averaged(
    rule: Callable[[Draw, int], tuple[Outcome, list[float]]], videos: Sequence[Sequence[Outcome]],
    order: Sequence[int], repeats: int, place: int,
) -> list[float]:  # fmt: skip
    """Reward, error and share of right wordings of a rule, over random orders of the pools."""
    found = []
    for seed in range(repeats):
        rng = np.random.default_rng([place, seed])
        orders = [rng.permutation(len(each)) for each in videos]

        def draw(k: int, i: int, o: Sequence[np.ndarray] = orders) -> Outcome:
            return videos[order[k]][o[order[k]][i]]

        chosen, shares = rule(draw, seed)
        right = sum(share for k, share in enumerate(shares) if order[k] < GOOD)
        found.append([chosen.reward, chosen.rewards[ERROR], right])
    means: list[float] = np.mean(found, axis=0).tolist()
    return means


def _pool(entry: Mapping[str, object]) -> list[list[Outcome]]:
    """The videos of an entry of result.json, by wording."""
    of: list[int] = entry["notes"]["wordings"]["of"]  # type: ignore[index]
    videos: list[list[Outcome]] = [[] for _ in range(max(of) + 1)]
    for k, final in zip(of, entry["finals"], strict=True):  # type: ignore[call-overload]
        videos[k].append(Outcome.from_json(final))
    return videos


def _place(move: Move, variants: Sequence[str | None]) -> int:
    return variants.index(move.variant)


def _told(result: Result) -> tuple[Outcome, list[float]]:
    nfe = result.notes["wordings"]["nfe"]
    return result.winner, [each / sum(nfe) for each in nfe]


def _seen(
    rule: Callable[[Draw, int], tuple[Outcome, list[float]]], draw: Draw, seed: int, best: int, mislead: int
) -> tuple[float, float, float]:
    chosen, shares = rule(draw, seed)
    return chosen.rewards["quality"], shares[best], sum(shares[: len(shares) - mislead])


def _summary(found: np.ndarray) -> dict[str, float]:
    value, share, good = found.mean(axis=0).tolist()
    sem = float(found[:, 0].std(ddof=1) / np.sqrt(len(found)))
    return {"value": value, "sem": sem, "share_on_best": share, "share_on_good": good}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2000, help="random arms of each exact setting")
    parser.add_argument("--run", help="folder of the run that draws the pools of the shipped pair")
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    args = parser.parse_args()
    cases = [(4, 16, 0.3, 0.5, 0), (4, 16, 1.0, 0.5, 0), (8, 24, 0.3, 2.0, 0), (8, 24, 1.0, 0.5, 0),
             (8, 24, 1.0, 2.0, 0), (8, 24, 0.5, 0.5, 5), (8, 24, 0.5, 2.0, 5)]  # fmt: skip
    found: dict[str, object] = {"exact": [exact(*case[:4], args.repeats, case[4]) for case in cases]}
    if args.run:
        found["shipped"] = shipped(pool(args.run, args.scenes, 0), POOL, 200)
    text = json.dumps(found, indent=1)
    print(text)
    if args.json:
        args.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
