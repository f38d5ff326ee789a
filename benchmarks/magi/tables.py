"""Means over scenes with 95 % bootstrap intervals, the gates of the tiny MAGI-1, and its section in docs/magi1.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.magi.searches import LARGE, SEARCHES, SMALL, gated
from benchmarks.magi.world import MADE
from raysearch.report.statistics import interval, spearman
from raysearch.search.best_of_n import expected_best

Row = dict[str, Any]
SIZES = (1, SMALL, LARGE)
QUALITY = {"autoencoder": "the truth through the autoencoder", "error": "one video, window 1",
           "window_4": "one video, window 4", "oracle": f"the best of {LARGE} by the truth",
           "copy": "the last given frame, held", "constant_velocity": "constant velocity"}  # fmt: skip


def figure(values: Sequence[Any]) -> dict[str, Any]:
    """Mean over scenes with its interval; of values by chunk also the means by chunk."""
    array = np.asarray(values, float)
    whole = array.mean(1) if array.ndim == 2 else array
    whole = whole[np.isfinite(whole)]
    found = {"mean": float(whole.mean()), "interval": [float(end) for end in interval(whole)]}
    return found | ({"by_chunk": array.mean(0).tolist()} if array.ndim == 2 else {})


def quality(rows: Sequence[Row]) -> dict[str, Any]:
    """How good its videos are, by chunk."""
    pools = [{k: np.asarray(v, float) for k, v in row["pool"].items()} for row in rows]
    found = {name: [p[name].mean(0) for p in pools] for name in ("error", "lost", "area")}
    found["oracle"] = [p["error"][p["error"].mean(1).argmin()] for p in pools]
    found["window_4"] = [np.mean(row["window_4"], 0) for row in rows]
    found |= {name: [row[name] for row in rows] for name in ("autoencoder", "copy", "constant_velocity")}
    return {name: figure(values) for name, values in found.items()}


def ranking(rows: Sequence[Row]) -> dict[str, Any]:
    """Spearman correlation within scenes of what a judge says and minus the error; a window's is that of its end."""
    found: dict[str, list[float]] = {}
    for row in rows:
        p = {k: np.asarray(v, float) for k, v in row["pool"].items()}
        whole = -p["error"].mean(1)
        every = {"whole video": p["reward"], "first window alone": p["windows"][:, 0],
                 "worst window": p["windows"].min(1), "motion": p["motion"],
                 "ball area (needs the truth)": p["area"].mean(1)}  # fmt: skip
        for name, said in every.items():
            found.setdefault(name, []).append(spearman(said, whole))
        for c in range(MADE):
            found.setdefault(f"window {c + 1}", []).append(spearman(p["windows"][:, c], -p["error"][:, c]))
            found.setdefault(f"window {c + 1} and ball area", []).append(spearman(p["windows"][:, c], p["area"][:, c]))
    return {name: figure(values) for name, values in found.items()}


def best_of(row: Row, n: int, by: str) -> float:
    """The expected error of the best of n whole videos of a scene."""
    p = row["pool"]
    whole = np.mean(p["error"], 1)
    said = {"reward": p["reward"], "truth": list(-whole), "gated": gated(p["reward"], p["motion"]),
            "first window": [w[0] for w in p["windows"]]}[by]  # fmt: skip
    return float(expected_best(list(said), n, list(whole)))


def searches(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each search with its error and costs, and its differences with intervals.

    They are from one video, and by the same judge from best of n whole videos at equal NFE and at equal seconds, and
    from best of LARGE.
    """
    found = []
    alone = np.array([best_of(r, 1, "reward") for r in rows])
    for n in SIZES:
        for by in ("reward", "gated", "first window", "truth") if n > 1 else ("reward",):
            cost = {"nfe": n * rows[0]["pool"]["nfe"], "cpu_s": n * float(np.mean([r["pool"]["cpu_s"] for r in rows]))}
            name = f"best of {n} whole videos" if n > 1 else "one video"
            error = np.array([best_of(r, n, by) for r in rows])
            against = {"one": {"n": 1, **figure(error - alone)}} if n > 1 else {}
            found.append({"search": name, "by": by, **figure(error), **cost, "against": against})
    for arm, (_, ways) in SEARCHES.items():
        for by in ways:
            own = [r["searches"][f"{arm}/{by}"] for r in rows]
            nfe, seconds = (float(np.mean([o[key] for o in own])) for key in ("nfe", "cpu_s"))
            error = np.array([np.mean(o["error"]) for o in own])
            one = float(np.mean([r["pool"]["cpu_s"] for r in rows]))
            sizes = {"equal_nfe": nfe / rows[0]["pool"]["nfe"], "equal_seconds": seconds / one, "large": LARGE}
            base = "truth" if by == "truth" else "reward"
            if by in ("truth", "random"):
                del sizes["equal_seconds"]  # these judges cost nothing
            against = {"one": {"n": 1, **figure(error - alone)}}
            for key, size in sizes.items():
                n = int(np.clip(round(size), 1, LARGE))
                at = np.array([best_of(r, n, base) for r in rows])
                against[key] = {"n": n, **figure(error - at)}
            found.append({"search": arm, "by": by, **figure([o["error"] for o in own]), "nfe": nfe, "cpu_s": seconds,
                          "against": against})  # fmt: skip
    return found


def gates(every: dict[str, Any], one: dict[str, Any], two: dict[str, Any], text: dict[str, float],
          ranks: dict[str, Any]) -> dict[str, bool]:  # fmt: skip
    """Whether the tiny MAGI-1 is what it should be: figures of all scenes, of those with one ball, and with two."""
    return {
        "at most 5 % of balls lost": every["lost"]["mean"] <= 0.05,
        "under half the error of holding the last frame, in every chunk": all(
            a <= b / 2 for a, b in zip(one["error"]["by_chunk"], one["copy"]["by_chunk"], strict=True)
        ),
        "first chunk better than constant velocity": one["error"]["by_chunk"][0]
        < one["constant_velocity"]["by_chunk"][0],
        "two balls under the error of holding the last frame": two["error"]["mean"] < two["copy"]["mean"],
        "the text tells one ball from two (AUC > .9)": text["auc"] > 0.9,
        "the reward ranks every window (rho > .3)": all(ranks[f"window {c + 1}"]["mean"] > 0.3 for c in range(MADE)),
    }


def tables(rows: Sequence[Row], text: dict[str, float]) -> dict[str, Any]:
    """Everything that is told."""
    one, two = ([row for row in rows if row["balls"] == n] for n in (1, 2))
    parts = quality(rows), quality(one), quality(two)
    ranks = ranking(rows)
    return {
        "scenes": len(rows), "quality": dict(zip(("all", "one_ball", "two_balls"), parts, strict=True)),
        "ranking": ranks, "searches": searches(rows), "text": text, "gates": gates(*parts, text, ranks),
    }  # fmt: skip


def section(found: dict[str, Any]) -> str:
    """Its section in docs/magi1.md."""
    lines = [f"{found['scenes']} held-out scenes, half of them with two balls; errors in px, a ball that is not there "
             "counts 16; intervals of 95 % over scenes.", "",
             "| error of | second 2 | second 3 | second 4 | all | one ball | two balls |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    q = found["quality"]
    for name, label in QUALITY.items():
        each = [*q["all"][name]["by_chunk"], q["all"][name]["mean"], q["one_ball"][name]["mean"],
                q["two_balls"][name]["mean"]]  # fmt: skip
        lines.append(f"| {label} | " + " | ".join(f"{v:.2f}" for v in each) + " |")
    for name, label in (("lost", "share of balls lost"), ("area", "area, as a share of the true one")):
        each = [*q["all"][name]["by_chunk"], q["all"][name]["mean"], q["one_ball"][name]["mean"],
                q["two_balls"][name]["mean"]]  # fmt: skip
        lines.append(f"| {label} | " + " | ".join(f"{v:.3f}" for v in each) + " |")
    lines += ["", "| gate | |", "| --- | --- |"]
    lines += [f"| {name} | {'met' if met else '**not met**'} |" for name, met in found["gates"].items()]
    lines += ["", "How the shipped V-JEPA 2 ranks 16 videos of a scene: Spearman with minus the error, mean over "
              "scenes. A window is two seconds, and only the first has true frames as its context.", "",
              "| by | rho |", "| --- | ---: |"]  # fmt: skip
    lines += [f"| {name} | {_short(f)} |" for name, f in found["ranking"].items()]
    head = ("search", "by", "error, px", "second 2, 3, 4", "NFE", "CPU s", "against one video",
            "best of n at equal NFE", "best of n at equal seconds", f"best of {LARGE}")  # fmt: skip
    lines += ["", f"| {' | '.join(head)} |", "| --- | --- | ---: | --- | ---: | ---: | --- | --- | --- | --- |"]
    for row in found["searches"]:
        chunks = ", ".join(f"{v:.1f}" for v in row["by_chunk"]) if "by_chunk" in row else ""
        against = row.get("against", {})
        cells = [_short(against[k]) + f" (n = {against[k]['n']})" * k.startswith("equal") if k in against else ""
                 for k in ("one", "equal_nfe", "equal_seconds", "large")]  # fmt: skip
        lines.append(f"| {row['search']} | {row['by']} | {row['mean']:.2f} | {chunks} | {row['nfe']:.0f} | "
                     f"{row['cpu_s']:.2f} | " + " | ".join(cells) + " |")  # fmt: skip
    return "\n".join(lines)


def _short(f: dict[str, Any]) -> str:
    return f"{f['mean']:+.2f} [{f['interval'][0]:+.2f}, {f['interval'][1]:+.2f}]"
