"""submission/SYSTEM/: clips under their official names, prompts, and the card, as the Verified leaderboard asks.

The card states N and how the one was chosen, from the run itself. What only people know is left to be filled in.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from raysearch import __version__, storage
from raysearch.config.settings import Job
from raysearch.evals.physics_iq import export, protocol
from raysearch.evals.physics_iq.challenge.candidates import Scored
from raysearch.evals.physics_iq.challenge.settings import ChallengeRun, Settings
from raysearch.evals.physics_iq.clips import probe
from raysearch.evals.physics_iq.layout import COLUMNS, DataSet
from raysearch.evals.preference.items import VideoPair


def write(
    job: Job, options: Settings, data: DataSet, todo: list[ChallengeRun], pools: dict[tuple[str, int], list[Scored]],
    found: dict[str, Any],
) -> None:  # fmt: skip
    """One folder per strategy; replaced as a whole."""
    for name in dict.fromkeys(e.name for e in todo):
        target = Path(job.run) / "submission" / name
        with storage.making(target, alone=True) as made:
            mine = [e for e in todo if e.name == name]
            clip = None
            for entry in mine:
                folder = made / "runs" / protocol.run_name(name, options.prompts, entry.number)
                folder.mkdir(parents=True)
                for pool in pools[name, entry.number]:
                    clip = pool.clips[pool.result.winner.key]
                    shutil.copyfile(clip, folder / pool.view.name)
            assert clip is not None
            export.write(_descriptions(data).encode(), made / "descriptions.csv")
            export.write(_card(options, data, mine, pools, clip, found).encode(), made / "submission.yaml")


def pairs(
    job: Job, options: Settings, todo: list[ChallengeRun], pools: dict[tuple[str, int], list[Scored]], best: str
) -> None:
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
            if clips[0].read_bytes() != clips[1].read_bytes():
                found.append(
                    VideoPair(f"{view.id:04d}", view.prompt, "base", best, str(clips[0]), str(clips[1]), str(given))
                )
    text = "".join(json.dumps(asdict(p)) + "\n" for p in found)
    export.write(text.encode(), Path(job.run) / "pairs.jsonl")


def _card(
    options: Settings, data: DataSet, mine: list[ChallengeRun], pools: Any, clip: Path, found: dict[str, Any]
) -> str:
    import yaml

    entry, size = mine[0], probe(clip)
    search = entry.job.search
    found_first = pools[entry.name, 1][0].result
    finals, notes = found_first.finals, found_first.notes
    given = dict(options.card)
    identity = {
        "org": given.pop("org", "organisation"), "id": given.pop("id", f"raysearch-{entry.name.replace('_', '-')}"),
        "date": given.pop("date", time.strftime("%Y-%m-%d")),
    }  # fmt: skip
    facts = {
        "input_type": options.track, "fps": data.fps, "resolution": f"{size.width}x{size.height}",
        "upscaled": "no" if options.upscale == "none" else f"{options.enlarge}, to the size of the real clips",
        "n": int(notes.get("n", len(finals))),
        "method": f"{search['name']} by the reward {entry.job.reward['name']}, raysearch {__version__}",
        "source": json.dumps({"search": search, "reward": entry.job.reward}, sort_keys=True),
        "descriptions": options.prompts, **{k: given.pop(k) for k in list(given) if k in ("templater", "availability")},
    }  # fmt: skip
    spent = [found["costs"][f"{e.name}/run_{e.number:02d}"] for e in mine]
    busy = sum(c.get("generate_s", 0.0) + c.get("reward_s", 0.0) for c in spent)
    costs = {"hours": round(busy / 3600, 4), "ngpu": entry.job.cluster.generators.replicas, **given}
    card = protocol.card(identity, facts, found["systems"][entry.name], costs)
    card_text: str = yaml.safe_dump(card, sort_keys=False, allow_unicode=True)
    return card_text


def _descriptions(data: DataSet) -> str:
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(COLUMNS)
    for v in data.views:
        out.writerow([f"{v.id:04d}_{v.view}_take-1_{v.scenario}", v.prompt, v.category, v.name])
    return text.getvalue()
