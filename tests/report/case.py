"""Run folders and results as a report reads them, and its page as a reader sees it."""

from __future__ import annotations

import json
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from raysearch import videos
from raysearch.moves import Cost, Outcome, digest, encode
from raysearch.prompts import Prompt
from raysearch.report import markup, statistics, write

ERROR = statistics.ERROR
FILM = videos.encode(np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3), dtype=np.uint8), 8.0, enlarge=False)


def candidates(rewards, errors=None, motions=None, tag=""):
    """Outcomes with these rewards; trajectory errors and motions where given."""
    found = []
    for i, reward in enumerate(rewards):
        measured = {"vjepa2": reward}
        if errors is not None:
            measured |= {"tinyworld_truth": -errors[i], ERROR: errors[i]}
        if motions is not None:
            measured["motion"] = motions[i]
        found.append(Outcome(digest([tag, i]), reward, measured, 0.0, Cost(12, 1, 0.5, 0.25)))
    return tuple(found)


def search(name, result, prompt=None, films=True, error=None):
    """One entry of result.json, as `raysearch.runs.summary` writes it."""
    prompt = prompt or Prompt(name, "a ball", scene="one_ball", scene_seed=0)
    paths = {o.key: f"films/{name}/{o.key[:12]}.mp4" for o in result.finals} if result and films else {}
    entry = {
        "name": name,
        "prompt": asdict(prompt),
        "error": error,
        "cost": asdict(Cost(24, 2, 1.0, 0.5)),
        "films": paths,
    }
    return entry | (asdict(result) | {"hash": result.digest()} if result else {})


def run_folder(root: Path, searches, strategy="best_of_n", film=FILM) -> Path:
    pool = {"replicas": 1, "alive": 1, "busy": 0, "queue": 0, "restarts": 3, "busy_s": 1.5}
    result = {
        "hash": "cafe", "searches": searches, "reward": "vjepa2", "versions": {"raysearch": "0.1.0"},
        "budget": {"recalled": 7, "executed": 5, "shared": 0, "rebuilt": 1, "cost": asdict(Cost(60, 5, 3.0, 1.0)),
                   "pools": {"generators": pool}, "seconds": 75.0, "damaged": 0},
    }  # fmt: skip
    root.mkdir(parents=True, exist_ok=True)
    (root / "result.json").write_text(json.dumps(encode(result), allow_nan=False))
    (root / "config.yaml").write_text(
        f"seed: 3\nsearch:\n  name: {strategy}\n  note: <script>\ngenerator:\n  fps: 8.0\n"
    )
    for entry in searches:
        for path in entry["films"].values():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(film)
    return root


class Page(HTMLParser):
    """Collects tags and text; fails on a tag that is closed out of order."""

    def __init__(self, source: str):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in markup.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def page(root: Path, **options) -> Page:
    return Page(write(str(root), **options).read_text(encoding="utf-8"))
