"""`python -m benchmarks.backtrack`: what backtracking in time is worth on a chunked toy whose breaks are known.

`--record` scores true and broken videos of the tiny world by the shipped world model and keeps their surprise, frame by
frame. The toy then makes videos of four chunks: each has the recorded surprise of a true clip and, where it breaks,
that of a broken clip from its onset on, so the detector is the real one and only the generator is a toy. Truth is the
number of chunks that break, which no search sees. Every search gets the NFE of eight videos; intervals are 95 %
bootstrap over scenes of the paired difference from best-of-n; all of it once more on new scenes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from examples.exact.drivers import drive
from raysearch.moves import Cost, Move, Outcome, Result
from raysearch.report.statistics import interval
from raysearch.rewards.base import SurpriseMap
from raysearch.rewards.breaks import located, surprise, threshold
from raysearch.search import strategy

HERE = Path(__file__).parent
CHUNKS, EACH, FRAMES, GIVEN = 4, 4, 12, 5
STEPS, TOTAL, ENDS = CHUNKS * EACH, GIVEN + CHUNKS * FRAMES, tuple(c / CHUNKS for c in range(1, CHUNKS))
ABRUPT, SLOW = ("teleport", "colour_change", "vanish", "freeze", "energy_gain"), ("gravity_flip", "float")
CLIP, BEFORE, AFTER = 41, 2, 10  # frames of a clip; of a broken one those around its onset are used
INNER = {"name": "vjepa2", "context": 8, "stride": 8}
VIDEO_S, SCORE_S = 38.5, 1.0  # minutes of MAGI-1 4.5B for a video of four chunks, and of a score, on one A100
LEVEL = 2.0  # times the 95 % quantile of true clips
SEARCHES: dict[str, dict[str, Any]] = {
    "best_of_n": {}, "halving": {"reads": ENDS}, "chunkwise": {"ends": ENDS},
    "backtrack": {}, "random cut": {"cut": "random"}, "ladder": {"cut": "ladder"},
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "abrupt, anywhere": {"kinds": ABRUPT, "hazard": (0.5,) * 4},
    "abrupt, passed on": {"kinds": ABRUPT, "hazard": (0.4,) * 4, "after": 0.8},
    "abrupt, late": {"kinds": ABRUPT, "hazard": (0.1, 0.3, 0.6, 0.8)},
    "abrupt, at once": {"kinds": ABRUPT, "hazard": (0.9, 0.3, 0.1, 0.1)},
    "abrupt and slow": {"kinds": ABRUPT + SLOW, "hazard": (0.5,) * 4},
    "slow": {"kinds": SLOW, "hazard": (0.5,) * 4},
}  # fmt: skip


def record(clips: int) -> dict[str, Any]:
    """The surprise of every frame of true clips, and of broken ones from BEFORE frames before their onset on."""
    from raysearch import rewards
    from raysearch.tinyworld.physics import sample, simulate
    from raysearch.tinyworld.render import render

    reward = rewards.load(INNER)
    scenes = sample(np.random.default_rng([7, 1]), 3 * clips, "one_ball")

    def curve(k: int, kind: str | None = None, at: int = 0) -> list[float]:
        video = render(scenes[k : k + 1], simulate(scenes[k : k + 1], CLIP, kind, at, np.random.default_rng(k)))[0]
        e = surprise(reward.score_with_map(video, 8.0)[1]).tolist()
        return e if kind is None else e[at - BEFORE : at + AFTER]

    onsets = np.random.default_rng([7, 2]).integers(12, CLIP - AFTER - 4, clips).tolist()
    broken = {kind: [curve(2 * clips + k, kind, at) for k, at in enumerate(onsets)] for kind in (*ABRUPT, *SLOW)}
    return {"inner": INNER, "good": [curve(k) for k in range(2 * clips)], "broken": broken}


@dataclass(frozen=True)
class Curves:
    """What was recorded: true clips (half of them give the threshold, half are played), and broken ones by kind."""

    good: list[np.ndarray]
    broken: Mapping[str, list[np.ndarray]]
    above: np.ndarray

    @staticmethod
    def of(found: Mapping[str, Any]) -> Curves:
        good = [np.array([math.nan if v is None else v for v in c], float) for c in found["good"]]
        half = len(good) // 2
        broken = {kind: [np.array(c, float) for c in each] for kind, each in found["broken"].items()}
        return Curves(good[half:], broken, np.array(threshold(good[:half], 0.95, LEVEL, False)))


@dataclass
class Film:
    """The toy: a state is the seed of each chunk and a step; a chunk that is begun again gets another seed."""

    curves: Curves
    scene: int
    kinds: Sequence[str]
    hazard: Sequence[float]
    after: float | None = None
    states: dict[str, tuple[tuple[int, ...], int]] = field(default_factory=dict)
    nfe: int = 0
    calls: int = 0

    def run(self, move: Move) -> Outcome:
        key = move.key(f"scene {self.scene}")
        seeds, step = self.states[move.parent] if move.parent is not None else ((), 0)
        renewed = move.parent is None or move.back is not None or bool(move.mutate)
        step = step if move.back is None else move.back
        done = step // EACH
        fresh = tuple(_number(self.scene, *move.seed, c) for c in range(CHUNKS))
        self.states[key] = (seeds[:done] + fresh[done:] if renewed else seeds), move.to
        more = move.to - step + (0 < move.to < STEPS) - (0 < step < STEPS and not renewed)
        self.nfe, self.calls = self.nfe + more, self.calls + move.score
        return self._scored(key, move, more)

    def _scored(self, key: str, move: Move, nfe: int) -> Outcome:
        e, _ = self.film(key)
        begun = -(-move.to // EACH)
        first, end = (-1, begun) if move.chunks is None else move.chunks
        seen = e[max(GIVEN + FRAMES * first, 0) : GIVEN + FRAMES * end]
        reward = 1 - float(np.nanmean(seen))
        found = located(SurpriseMap(seen[:, None, None], (0, 0, 1, 1)), self.curves.above, 1)
        return Outcome(key, reward, {"toy": reward, **{f"toy.{k}": v for k, v in found.items()}}, cost=Cost(nfe=nfe))

    def film(self, key: str) -> tuple[np.ndarray, list[int | None]]:
        """The surprise of every frame, and for each chunk the frame at which it breaks, or None."""
        e, breaks = np.full(TOTAL, math.nan), list[int | None]()
        bumps = list[tuple[int, np.ndarray]]()
        for c, seed in enumerate(self.states[key][0]):
            rng = np.random.default_rng(seed)
            start, clip = GIVEN + FRAMES * c, self.curves.good[rng.integers(len(self.curves.good))]
            e[start : start + FRAMES] = clip[8 + (at := int(rng.integers(0, 20))) : 8 + at + FRAMES]
            passed = self.after is not None and any(b is not None for b in breaks)
            u, onset = rng.random(), start + int(rng.integers(FRAMES))
            kind = self.kinds[rng.integers(len(self.kinds))]
            broken = u < (self.after if passed and self.after is not None else self.hazard[c])
            breaks.append(onset if broken else None)
            if broken:
                bumps.append((onset, self.curves.broken[kind][rng.integers(len(self.curves.broken[kind]))]))
        for onset, bump in bumps:
            for j, value in enumerate(bump):
                if GIVEN <= (t := onset - BEFORE + j) < TOTAL and value == value:
                    e[t] = max(e[t], value)
        return e, breaks


def detection(found: Mapping[str, Any], curves: Curves) -> dict[str, dict[str, float]]:
    """Of the recorded clips by kind: the share whose first break is within 2 frames of the onset, early, late or none.

    Only frames from the onset's surroundings on are recorded, so what is early here is at most two frames early.
    """
    told = {}
    for kind, each in curves.broken.items():
        firsts = [np.flatnonzero(c > curves.above[0]) for c in each]
        off = [int(f[0]) - BEFORE if len(f) else None for f in firsts]
        told[kind] = {"within_2": float(np.mean([o is not None and abs(o) <= 2 for o in off])),
                      "late": float(np.mean([o is not None and o > 2 for o in off])),
                      "none": float(np.mean([o is None for o in off]))}  # fmt: skip
    flagged = [bool((c[~np.isnan(c)] > curves.above[0]).any()) for c in curves.good]
    return {**told, "true clips": {"flagged": float(np.mean(flagged))}}


def one(curves: Curves, scene: int, seed: int, name: str, setting: Mapping[str, Any], n: int) -> dict[str, float]:
    """A search of a scene: what it chose, by truth and reward, and what it took."""
    film = Film(curves, scene, **setting)
    options = dict(SEARCHES[name])
    if name in ("backtrack", "random cut", "ladder"):
        options |= {"ends": ENDS, "lengths": (FRAMES,) * CHUNKS}
    part = name if name in ("best_of_n", "halving", "chunkwise") else "backtrack"
    result, _ = drive(strategy(part)(seed, STEPS, budget=n * STEPS, **options), film.run)
    _, breaks = film.film(result.winner.key)
    first = next((b for b in breaks if b is not None), TOTAL)
    row = {
        "breaks": float(sum(b is not None for b in breaks)), "whole": float(first == TOTAL),
        "clean": (first - GIVEN) / (TOTAL - GIVEN), "reward": result.winner.reward, "nfe": float(film.nfe),
        "calls": float(film.calls), "minutes": film.nfe / STEPS * VIDEO_S + film.calls * SCORE_S,
    }  # fmt: skip
    return row | (_pool(film, result) if name == "backtrack" else {})


def _pool(film: Film, result: Result) -> dict[str, float]:
    """Of the videos of the first round: how often the found break is the true one, and what a new end would save."""
    note = result.notes["backtrack"]
    pairs = []
    for outcome, found in zip(result.finals, note["breaks"], strict=False):
        true = next((b for b in film.film(outcome.key)[1] if b is not None), TOTAL)
        pairs.append((found - true, found < TOTAL, true < TOTAL, max(found - 1 - GIVEN, 0) // FRAMES / CHUNKS))
    off = np.array([p[0] for p in pairs if p[2]] or [math.nan])
    saved = [p[3] for p in pairs if p[1]] or [math.nan]
    return {
        "within_2": float(np.mean(np.abs(off) <= 2)), "early": float(np.mean(off < -2)),
        "late": float(np.mean(off > 2)), "saved": float(np.mean(saved)),
        "seam": float(np.mean(np.array(note["seams"] or [math.nan]) > 1)),
    }  # fmt: skip


def table(curves: Curves, first: int, scenes: int, seeds: int, n: int) -> dict[str, Any]:
    """Every search in every setting: means over scenes and seeds, and paired differences from best-of-n."""
    told: dict[str, Any] = {}
    for name, setting in SETTINGS.items():
        rows = {s: [_mean([one(curves, scene, seed, s, setting, n) for seed in range(seeds)])
                    for scene in range(first, first + scenes)] for s in SEARCHES}  # fmt: skip
        told[name] = {}
        for s, each in rows.items():
            found: dict[str, Any] = _mean(each)
            for measure in ("breaks", "whole", "clean", "reward"):
                gaps = [a[measure] - b[measure] for a, b in zip(each, rows["best_of_n"], strict=True)]
                found[f"{measure}_against_best_of_n"] = [float(np.mean(gaps)), *map(float, interval(np.array(gaps)))]
            told[name][s] = found
    return told


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    with np.errstate(invalid="ignore"):
        values = {k: [row[k] for row in rows if not math.isnan(row[k])] for k in rows[0]}
    return {k: float(np.mean(v)) if v else math.nan for k, v in values.items()}


def _number(*address: int) -> int:
    return int(hashlib.sha256(repr(address).encode()).hexdigest()[:15], 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", type=int, metavar="CLIPS", help="score so many clips of each kind anew")
    parser.add_argument("--scenes", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=2, help="searches of each scene")
    parser.add_argument("--videos", type=int, default=8, help="the budget of a search, in videos")
    parser.add_argument("--json", type=Path, default=HERE / "backtrack.json", help="recorded curves and figures")
    args = parser.parse_args()
    known: dict[str, Any] = json.loads(args.json.read_text()) if args.json.is_file() else {}
    recorded = _plain(record(args.record)) if args.record else known["recorded"]
    curves = Curves.of(recorded)
    size = args.scenes, args.seeds, args.videos
    found = {
        "scenes": args.scenes, "seeds": args.seeds, "videos": args.videos, "above": curves.above.tolist(),
        "detection": detection(recorded, curves), "settings": table(curves, 0, *size),
        "new_scenes": table(curves, 10_000, *size), "recorded": recorded,
    }  # fmt: skip
    args.json.write_text(json.dumps(_plain(found)) + "\n")
    for name, rows in found["settings"].items():
        print(name)
        for s, row in rows.items():
            print(_line(s, row, found["new_scenes"][name][s]))
    print(json.dumps(found["detection"], indent=1))


def _line(name: str, row: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    gap, low, high = row["breaks_against_best_of_n"]
    pool = f"  within 2 {row['within_2']:.2f}  saved {row['saved']:.2f}" if "saved" in row else ""
    return (
        f"  {name:12} whole {row['whole']:.2f} {new['whole']:.2f}  breaks {row['breaks']:.2f} {new['breaks']:.2f}  "
        f"{gap:+.2f} [{low:+.2f}, {high:+.2f}]  NFE {row['nfe']:.0f}  scores {row['calls']:.1f}  "
        f"min {row['minutes']:.0f}{pool}"
    )


def _plain(value: Any) -> Any:
    """As JSON has it: NaN is null, and numbers have four digits."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return (None if math.isnan(value) else round(value, 4)) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
