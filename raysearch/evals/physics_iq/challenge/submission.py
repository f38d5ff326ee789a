"""submission/SYSTEM/: clips under their official names, prompts, and the card, as the Verified leaderboard asks.

The card states N and how the one was chosen, from the run itself. What only people know is left open, and told.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from raysearch import __version__, storage
from raysearch.config.settings import Job
from raysearch.evals.physics_iq import protocol
from raysearch.evals.physics_iq.challenge import wordings
from raysearch.evals.physics_iq.challenge.candidates import Scored, read
from raysearch.evals.physics_iq.challenge.settings import ChallengeRun, Settings
from raysearch.evals.physics_iq.clips import probe
from raysearch.evals.physics_iq.layout import DataSet, View
from raysearch.evals.preference.items import VideoPair
from raysearch.generators.scale import described, parameters
from raysearch.runs.footprint import gpus_of

Pools = Mapping[tuple[str, int], list[Scored]]
PAPERS = {"vjepa2": "https://arxiv.org/abs/2601.10553"}  # of rewards by which the one was chosen
KIT = (  # of the benchmark's repository
    "uv run physiq/submit_verified.py --run {run} --card submission.yaml --descriptions descriptions.csv "
    "--runs runs/* --validate-only\n"
)


def write(
    job: Job, options: Settings, data: DataSet, todo: list[ChallengeRun], pools: Pools, found: dict[str, Any],
) -> list[str]:  # fmt: skip
    """One folder per strategy; replaced as a whole.

    Returns:
        A line for each, with what is to be filled in before it can be submitted.
    """
    told = []
    for name in dict.fromkeys(e.name for e in todo):
        target = f"{job.run}/submission/{name}"
        with _anew(target) as made:
            mine = [e for e in todo if e.name == name]
            clip, rows = "", dict[str, tuple[View, str, str]]()
            searched = _searched(mine, pools)
            for entry in mine:
                folder = f"{made}/runs/{protocol.run_name(name, options.prompts, entry.number)}"
                for pool in pools[name, entry.number]:
                    clip, official = pool.clips[pool.result.winner.key], pool.view.name
                    # where wordings were searched, those of the runs may differ: each has files, and rows, of its own
                    called = f"{official[:-4]}_run_{entry.number:02d}.mp4" if searched else official
                    rows[called] = pool.view, called, pool.text
                    storage.write(f"{folder}/{called}", storage.read(clip))
            identity = _identity(options, name)
            card = protocol.card(_facts(options, data, mine, pools, clip, found), identity | options.card,
                                 found["systems"][name])  # fmt: skip
            storage.write(f"{made}/descriptions.csv", wordings.descriptions(rows.values()))
            storage.write(f"{made}/submission.yaml", _yaml(card))
            storage.write(f"{made}/submit.txt", KIT.format(run=protocol.run_id(identity)))
        open_ = protocol.lacking(card)
        told.append(f"submission: {target}" + (f"; to be filled in: {', '.join(open_)}" if open_ else ""))
    return told


def pairs(job: Job, options: Settings, todo: list[ChallengeRun], pools: Pools, best: str) -> None:
    """pairs.jsonl: for every view one draw against what the best strategy chose, where they differ; to ask people."""
    plain = next((e.name for e in todo if e.job.search["name"] == "best_of_n"), None)
    if plain is None:
        return
    chosen = {p.view.id: p for p in pools[best, 1]}
    found = []
    for pool in pools[plain, 1]:
        view, first = pool.view, pool.result.finals[0]
        if view.id in chosen:
            other = chosen[view.id]
            given = view.switch if options.track == "i2v" else view.conditioning
            clips = pool.clips[first.key], other.clips[other.result.winner.key]
            if storage.read(clips[0]) != storage.read(clips[1]):
                found.append(VideoPair(f"{view.id:04d}", view.prompt, "base", best, *clips, str(given)))
    storage.write(f"{job.run}/pairs.jsonl", "".join(json.dumps(asdict(p)) + "\n" for p in found))


@contextmanager
def _anew(target: str) -> Iterator[str]:
    """A folder in the place of the one of that name: at once on a disk, file by file at a URL."""
    if "://" in target:
        storage.remove(target)
        yield target
        return
    with storage.making(target, alone=True) as made:
        yield str(made)


def _searched(mine: list[ChallengeRun], pools: Pools) -> bool:
    """Whether a submitted video was made from another text than that of the descriptions."""
    return any(p.text != p.view.prompt for e in mine for p in pools[e.name, e.number])


def _identity(options: Settings, name: str) -> dict[str, str]:
    given = {
        "id": f"raysearch-{name.lower().replace('_', '-')}",
        "date": time.strftime("%Y-%m-%d"),
        "org": "organisation",
    }
    return given | {key: str(options.card[key]) for key in given if key in options.card}


def _facts(
    options: Settings, data: DataSet, mine: list[ChallengeRun], pools: Pools, clip: str, found: dict[str, Any]
) -> dict[str, Any]:
    """What is known of a submission from its runs; times are those of a single candidate, over all GPUs."""
    entry, size = mine[0], probe(read(clip))
    generator, search, reward = entry.job.generator, entry.job.search, entry.job.reward
    first = pools[entry.name, 1][0].result
    n = int(first.notes.get("n", len(first.finals)))
    candidates = sum(len(p.result.finals) for e in mine for p in pools[e.name, e.number])
    chosen = sum(len(pools[e.name, e.number]) for e in mine)
    spent = [found["costs"][f"{e.name}/run_{e.number:02d}"] for e in mine]
    ranks, gpus = entry.job.cluster.generators.ranks, math.ceil(gpus_of(entry.job) - 1e-6)
    busy = sum(ranks * c.get("generate_s", 0.0) + c.get("reward_s", 0.0) for c in spent)
    hub = "/" in generator.model and not generator.model.startswith((".", "/", "~"))
    enlarged = "" if options.upscale == "none" else f"; clips enlarged ({options.enlarge}) to the size of the real ones"
    model, rewrite, searched = described(generator), entry.job.prompts.rewrite, _searched(mine, pools)
    return {
        "organization": options.card.get("org"), "model": generator.model.rsplit("/", 1)[-1],
        "model_version": generator.model + (f"@{generator.revision}" if generator.revision else ""),
        "input_type": options.track, "parameters": model and (round(parameters(model)) or None), "fps": data.fps,
        "resolution": f"{size.width}x{size.height}", "bon_sampling": n,
        "bon_sampling_method": f"{search['name']} by {reward.get('label', reward['name'])}" if n > 1 else None,
        "bon_sampling_source": PAPERS.get(str(reward["name"])) if n > 1 else None, "prompt_upsampling": searched,
        "prompt_upsampling_method": rewrite.get("model", rewrite.get("with")) if searched else None,
        "descriptions": options.prompts, "model_source": f"https://huggingface.co/{generator.model}" if hub else None,
        "date": options.card.get("date", time.strftime("%Y-%m-%d")), "generation_cost": math.nan,
        "generation_gpu": None if gpus else "none (CPU)", "generation_ngpu": gpus,
        "generation_time": round(busy / max(candidates, 1), 2),
        "comments": (
            f"raysearch {__version__}; search {json.dumps(search, sort_keys=True)}; reward "
            f"{json.dumps(reward, sort_keys=True)}; {busy / max(chosen, 1):.2f} GPU-seconds for each submitted video, "
            f"of all its candidates and their rewards{enlarged}"
        ),
    }  # fmt: skip


def _yaml(card: dict[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=10_000)
    return text
