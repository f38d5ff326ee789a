"""`python -m benchmarks.magi`: gates of the tiny MAGI-1, and searches over chunks at equal evaluations.

Errors are px by chunk of the balls from where they truly are; a ball that is not there counts 16. Intervals: bootstrap
over scenes, 95 %. Choice is by the shipped V-JEPA 2, by the truth, and at random.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from benchmarks.magi.searches import SEARCHES, chunkwise
from benchmarks.magi.world import (
    MADE,
    SEEN,
    Scene,
    advance,
    baselines,
    by_chunk,
    errors,
    generator,
    noise,
    scenes,
    seen,
)
from raysearch import generators
from raysearch.config.settings import GeneratorConfig
from raysearch.generators.magi1.stages import steps_of
from raysearch.report.statistics import interval, spearman
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.search.best_of_n import expected_best
from raysearch.tinyworld.truth import LOST

EACH, SMALL = 16, 4  # steps of a chunk; candidates of a search over chunks
SIZES = (1, 4, 8, 16)


def load(model: str, window: int = 1):
    """The model at 32 x 32, three chunks to make."""
    call = {"window": window, "quality": False, "duration": False, "past_scale": 1.0, "memo": 256}
    config = GeneratorConfig(
        name="magi1", model=model, chunks=MADE, steps=steps_of(MADE, EACH, window), fps=24, height=32, width=32,
        guidance_scale=1.0, call=call,
    )  # fmt: skip
    return generators.load(config)


def judges(reward: VJEPA2Reward, scene: Scene, seed: int):
    """By name, what values films that begin with a chunk: higher is better."""
    rng = np.random.default_rng([seed, 5])

    def truth(films, first):
        made = max(1 - first, 0) * SEEN  # given frames do not count
        last = slice(made if len(films[0]) > 2 * SEEN else len(films[0]) - SEEN, None)
        return [-float(errors(film, scene, first)[0][last].mean()) for film in films]

    return {
        "reward": lambda films, first: [s.value for s in reward.score_all(films)],
        "truth": truth,
        "random": lambda films, first: rng.random(len(films)).tolist(),
    }


def pool(of, scene: Scene, candidates: int, reward: VJEPA2Reward, seed: int) -> dict[str, np.ndarray]:
    """Figures of whole videos: errors, areas and lost shares by chunk, rewards of the whole and of every window."""
    x = advance(of, noise(of, [seed + i for i in range(candidates)]), 0, of.steps)
    films = seen(of, x, -1, MADE)
    found = [errors(film[SEEN:], scene, 1) for film in films]
    return {
        "error": np.stack([by_chunk(e) for e, _ in found]),
        "lost": np.stack([by_chunk(e >= LOST) for e, _ in found]),
        "area": np.stack([by_chunk(a) for _, a in found]),
        "reward": np.array([s.value for s in reward.score_all(films)]),
        "windows": np.array([
            [s.value for s in reward.score_all([f[SEEN * c : SEEN * (c + 2)] for f in films])] for c in range(MADE)
        ]).T,
    }  # fmt: skip


def figure(values) -> dict[str, object]:
    """Mean over scenes with its interval."""
    values = np.asarray(values, float)
    return {"mean": float(values.mean()), "interval": [float(end) for end in interval(values)]}


def measure(model: str, n: int, candidates: int, seed: int) -> dict:
    """All figures."""
    one, four, held = load(model, 1), load(model, 4), scenes(n)
    reward = VJEPA2Reward.load("tiny", stride=4)
    rows: dict[str, list] = {}

    def add(name, value):
        rows.setdefault(name, []).append(value)

    for i, scene in enumerate(held):
        of = generator(one, scene)
        found = pool(of, scene, candidates, reward, 1000 * seed)
        for name in ("error", "lost", "area"):
            add(name, found[name].mean(0))
        add("oracle", found["error"][found["error"].mean(1).argmin()])
        add("error_window_4", pool(generator(four, scene), scene, 2, reward, 1000 * seed)["error"].mean(0))
        for name, e in baselines(scene).items():
            add(name, by_chunk(e))
        given = torch.from_numpy(scene.video).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        with torch.no_grad():
            z = one.vae.encode(given)
        add("autoencoder", by_chunk(errors(seen(of, z, 0, MADE)[0], scene, 1)[0]))
        for c in range(MADE):
            add(f"rho_window_{c}", spearman(found["windows"][:, c], -found["error"][:, c]))
        add("rho_whole", spearman(found["reward"], -found["error"].mean(1)))
        whole = found["error"].mean(1)
        for size in (s for s in SIZES if s <= candidates):
            for name, by in (("reward", found["reward"]), ("truth", -whole)):
                add(f"whole_best_of_{size}/{name}", expected_best(list(by), size, list(whole)))
        for kind, options in SEARCHES.items():
            for name, judge in judges(reward, scene, seed + i).items():
                if kind == "chunk_smc" and name != "reward":
                    continue
                e, nfe = chunkwise(of, scene, judge, seed + i, SMALL, **options)
                add(f"{kind}/{name}", e.mean())
                add(f"{kind}/{name}/by_chunk", e)
                rows["nfe_chunkwise"] = [nfe]
        print(f"\r{i + 1}/{n} scenes", end="", flush=True)
    print()
    return table(rows, n, candidates)


def table(rows: dict[str, list], n: int, candidates: int) -> dict:
    """Means with intervals: by chunk for what is by chunk, and for scenes with one ball and with two."""
    kinds = {"all": slice(None), "one_ball": slice(0, None, 2), "two_balls": slice(1, None, 2)}
    result: dict = {"scenes": n, "candidates": candidates, "nfe_chunkwise": rows.pop("nfe_chunkwise")[0],
                    "nfe_of_a_video": EACH * MADE}  # fmt: skip
    for kind, part in kinds.items():
        found: dict = {}
        for name, values in rows.items():
            array = np.asarray(values, float)[part]
            if array.ndim == 2:
                found[name] = {**figure(array.mean(1)), "by_chunk": [float(v) for v in array.mean(0)]}
            else:
                found[name] = figure(array[~np.isnan(array)])
        against = np.asarray(rows[f"whole_best_of_{SMALL}/reward"])[part]
        found["minus_whole_best_of_n_at_equal_nfe"] = {
            name: figure(np.asarray(rows[f"{name}/reward"])[part] - against) for name in SEARCHES
        }
        result[kind] = found
    return result


def texts(model: str, n: int = 32) -> dict[str, float]:
    """How much of a first second from text alone is colourful, by prompt, and how well that tells the prompts."""
    loaded, found = load(model), {}
    for prompt in ("a ball", "two balls"):
        of = loaded.given(prompt, None, "text")
        x = advance(of, noise(of, list(range(n))), 0, of.steps // MADE)
        films = seen(of, x, 0, 1)
        found[prompt] = np.array([(np.ptp(f.astype(int), -1) > 40).mean() for f in films])  # balls are colourful
    one, two = found["a ball"], found["two balls"]
    return {"area_one": float(one.mean()), "area_two": float(two.mean()), "auc": float((two[:, None] > one).mean())}


def gates(result: dict) -> dict[str, bool]:
    """Whether the tiny MAGI-1 is what it should be."""
    of = result["one_ball"]
    return {
        "at most 5 % of balls lost": result["all"]["lost"]["mean"] <= 0.05,
        "under half the error of copying": all(
            a <= b / 2 for a, b in zip(of["error"]["by_chunk"], of["copy"]["by_chunk"], strict=True)
        ),
        "first chunk better than constant velocity": of["error"]["by_chunk"][0]
        < of["constant_velocity"]["by_chunk"][0],
        "two balls under the error of copying": result["two_balls"]["error"]["mean"]
        < result["two_balls"]["copy"]["mean"],
        "the text tells one ball from two": result["text"]["auc"] > 0.9,
        "the reward ranks every window (rho > .3)": all(
            result["all"][f"rho_window_{c}"]["mean"] > 0.3 for c in range(MADE)
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.magi", description=__doc__)
    parser.add_argument("model", help="the folder that training has written, e.g. checkpoints/magi/magi/tiny_base")
    parser.add_argument("--scenes", type=int, default=64, help="held-out scenes (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=16, help="whole videos of each (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/magi.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    result = measure(args.model, args.scenes, args.candidates, args.seed)
    result["text"] = texts(args.model)
    result["gates"] = gates(result)
    args.out.write_text(json.dumps(result, indent=1) + "\n")
    show(result)


def show(result: dict) -> None:
    """The table for people."""
    of = result["all"]
    for name in ("autoencoder", "copy", "constant_velocity", "error", "error_window_4", "oracle", "lost", "area"):
        print(f"{name:<28}" + "".join(f"{v:8.2f}" for v in of[name]["by_chunk"]) + f"{of[name]['mean']:9.2f}")
    for name in (k for k in of if k.startswith(("rho", "whole", "chunk_")) and not k.endswith("by_chunk")):
        low, high = of[name]["interval"]
        print(f"{name:<28}{of[name]['mean']:8.2f} [{low:.2f}, {high:.2f}]")
    for name, f in of["minus_whole_best_of_n_at_equal_nfe"].items():
        print(
            f"{name} minus best of {SMALL} whole: {f['mean']:+.2f} [{f['interval'][0]:+.2f}, {f['interval'][1]:+.2f}]"
        )
    print("text:", result["text"])
    for gate, met in result["gates"].items():
        print(f"{'met    ' if met else 'NOT MET'} {gate}")


if __name__ == "__main__":
    main()
