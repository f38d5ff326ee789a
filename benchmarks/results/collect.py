"""The searches of every scene, one line of JSON each, in as many processes as wanted; known lines are not made again.

CPU seconds are those of the process around one search, with the reward it goes by; what other verifiers say of the
pool's videos is added afterwards and costs the search nothing. They depend on what else the machine does, so those that
arms are compared by are taken once more at the end, of all arms in turn (`timed`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.results.arms import ARMS, TIMED, search, settings
from examples.candidates import prompts, truth_of
from raysearch.config import tiny_defaults
from raysearch.config.settings import GeneratorConfig, Job
from raysearch.executors import Request
from raysearch.executors.inline import Inline
from raysearch.moves import Move, Outcome, Result, Search
from raysearch.prompts import Prompt
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.sampling.workers import GeneratorWorker, RewardWorker

FIRST = 2000  # number of the first scene: none of these was used for choosing a setting
TRUTH = ("trajectory_error", "mse", "spatiotemporal_iou", "violation")
WATCHED: tuple[dict[str, Any], ...] = ({"name": "motion"}, {"name": "tinyworld_truth"})
MEASURES = {"reward": "vjepa2", "motion": "motion", **{name: f"tinyworld_truth.{name}" for name in TRUTH}}
VERIFIERS: tuple[dict[str, Any], ...] = (
    {"name": "videomae"}, {"name": "smoothness"}, {"name": "flicker"}, {"name": "motion"}, {"name": "geometry"},
)  # fmt: skip
Row = dict[str, Any]


@cache
def pair(model: str) -> tuple[Inline, RewardWorker, VJEPA2Reward, int]:
    """The pair in this process: executor, other verifiers, the world model with random weights, steps of the generator.

    Args:
        model: `tiny`, or a folder of raysearch.tinyworld.train's with `pipeline` and `worldmodel`.
    """
    torch.set_num_threads(1)
    job = _job(model)
    assert job.generator.steps is not None
    reward: dict[str, Any] = dict(job.reward)
    if model != "tiny":
        reward["model"] = f"{model}/worldmodel"
    executor = Inline(job.generator, [reward, *WATCHED])
    shipped = VJEPA2Reward.load(reward.get("model", "tiny"))
    torch.manual_seed(0)
    random = VJEPA2Reward(type(shipped.model)(shipped.model.config), **shipped.convention.options())
    return executor, RewardWorker(list(VERIFIERS), 1), random, job.generator.steps


@cache
def judge(model: str) -> GeneratorWorker:
    """The generator of the pair as a judge of its own candidates."""
    return GeneratorWorker(_job(model).generator, None, 1, specs=[{"name": "likephys"}])


def _job(model: str) -> Job:
    job = Job(generator=GeneratorConfig())
    if model != "tiny":
        job.generator.model = f"{model}/pipeline"
    tiny_defaults(job)
    return job


def drive(executor: Inline, searching: Search, prompt: Prompt) -> tuple[Result, list[Outcome]]:
    """A search to its end in this process; its Result and every Outcome."""
    seen: list[Outcome] = []
    round = next(searching)
    while True:
        for move in round.moves:
            executor.submit(Request(move.key(prompt.id), prompt, move))
        outcomes = [answer for _ in round.moves for _, answer in executor.ready(0)]
        assert all(isinstance(o, Outcome) for o in outcomes), outcomes
        seen += outcomes
        try:
            round = searching.send(outcomes)
        except StopIteration as end:
            executor.forget([o.key for o in seen])
            return end.value, seen


def searched(model: str, prompt: Prompt, arm: str, seed: int) -> Row:
    """The row of one scene and arm: finals by measure, which of them is best, NFE, gradients, CPU seconds."""
    executor, _, _, steps = pair(model)
    began = time.process_time()
    result, seen = drive(executor, search(arm, seed, steps), prompt)
    return {
        "pair": model, "scene": prompt.id, "arm": arm, "settings": settings(arm, seed),
        "cpu_s": time.process_time() - began, "nfe": sum(o.cost.nfe for o in seen),
        "gradients": sum(o.cost.gradients for o in seen), "best": result.best,
        "finals": {m: [o.rewards[key] for o in result.finals] for m, key in MEASURES.items()},
    }  # fmt: skip


def pooled(model: str, prompt: Prompt, seed: int) -> Row:
    """The row of the pool: as `searched`, with what every other verifier says of each candidate."""
    executor, others, random, steps = pair(model)
    n, began = ARMS["pool"]["n"], time.process_time()
    moves = [Move(None, (seed, 0, i), steps) for i in range(n)]
    views = [executor.generator.advance(move, "", prompt, None)[1] for move in moves]
    assert all(view is not None for view in views)
    videos = np.stack([view for view in views if view is not None])
    rewards = [executor.rewards.score(video, prompt)[0] for video in videos]
    spent = time.process_time() - began
    finals = {m: [float(r[key]) for r in rewards] for m, key in MEASURES.items()}
    finals |= {m: [float(v) for v in truth_of(prompt, videos)[m]] for m in TRUTH}
    said = [others.score(video, prompt)[0] for video in videos]
    finals |= {spec["name"]: [float(s[spec["name"]]) for s in said] for spec in VERIFIERS}
    finals["random_weights"] = [random.score(video, prompt).value for video in videos]
    return {
        "pair": model, "scene": prompt.id, "arm": "pool", "settings": settings("pool", seed), "cpu_s": spent,
        "nfe": n * steps, "gradients": 0, "best": int(np.argmax(finals["reward"])), "finals": finals,
    }  # fmt: skip


def judged(model: str, prompt: Prompt, seed: int) -> Row:
    """The row of what the generator itself says of the first candidates of the pool."""
    _, _, _, steps = pair(model)
    worker, began = judge(model), time.process_time()
    made = [worker.advance(Move(None, (seed, 0, i), steps), "", prompt, None, shows=False)[2]
            for i in range(ARMS["likephys"]["n"])]  # fmt: skip
    finals = {"likephys": [effort.judged["likephys"] for effort in made]}
    return {
        "pair": model, "scene": prompt.id, "arm": "likephys", "settings": settings("likephys", seed),
        "cpu_s": time.process_time() - began, "nfe": sum(effort.nfe for effort in made), "gradients": 0,
        "best": int(np.argmax(finals["likephys"])), "finals": finals,
    }  # fmt: skip


def timed(model: str, prompt: Prompt, seed: int) -> Row:
    """The row of the CPU seconds of every arm on one scene, in turn."""
    seconds = {arm: scene(model, prompt, [arm], seed)[0]["cpu_s"] for arm in ARMS}
    return {"pair": model, "scene": prompt.id, "arm": "seconds", "settings": json.dumps([ARMS, seed]), "cpu_s": seconds}


def time_arms(path: Path, models: Sequence[str], seed: int, make: bool) -> list[Row]:
    """The rows of the CPU seconds of TIMED scenes. make: whether those that are missing are made, and kept."""
    rows, what = [json.loads(line) for line in path.read_text().splitlines()], json.dumps([ARMS, seed])
    found = [row for row in rows if row["arm"] == "seconds" and row["settings"] == what and row["pair"] in models]
    known = {(row["pair"], row["scene"]) for row in found}
    for model in models if make else ():
        for prompt in prompts(TIMED, FIRST):
            if (model, prompt.id) not in known:
                found.append(timed(model, prompt, seed))
                with path.open("a") as file:
                    file.write(json.dumps(found[-1]) + "\n")
    return found


def scene(model: str, prompt: Prompt, arms: Sequence[str], seed: int) -> list[Row]:
    """The rows of several arms of one scene."""
    by = {"pool": pooled, "likephys": judged}
    return [by[arm](model, prompt, seed) if arm in by else searched(model, prompt, arm, seed) for arm in arms]


def collect(
    path: Path, models: Sequence[str], scenes: int, arms: Sequence[str], seed: int, workers: int
) -> Iterator[tuple[int, int, list[Row]]]:
    """(scenes done, scenes in all, rows so far), after each scene; every row stands in the file by then.

    With no workers only what is there.
    """
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    todo = [(model, prompt) for prompt in prompts(scenes, FIRST) for model in models]
    wanted = {(m, p.id, arm, settings(arm, seed)) for m, p in todo for arm in arms}
    rows = [row for row in rows if _name(row) in wanted]
    known = {_name(row) for row in rows}
    missing = {(m, p.id): [a for a in arms if (m, p.id, a, settings(a, seed)) not in known] for m, p in todo}
    done = sum(not left for left in missing.values())
    yield done, len(todo), rows
    if not workers:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as processes, path.open("a") as file:
        jobs = [processes.submit(scene, m, p, missing[m, p.id], seed) for m, p in todo if missing[m, p.id]]
        try:
            for job in as_completed(jobs):
                for row in job.result():
                    rows.append(row)
                    file.write(json.dumps(row) + "\n")
                file.flush()
                done += 1
                yield done, len(todo), rows
        finally:  # after an error or Ctrl-C, what has not begun is not begun
            processes.shutdown(cancel_futures=True)


def _name(row: Row) -> tuple[str, str, str, str]:
    return row["pair"], row["scene"], row["arm"], row["settings"]
