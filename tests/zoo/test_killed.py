"""Whole runs of families that the zoo gives embeddings: over Ray, killed, resumed, and the same hash."""

import json
from pathlib import Path

import av
import pytest
import yaml
from PIL import Image

from examples.tiny_parts import film
from raysearch.cli import main
from raysearch.generators.families import PIPELINES
from raysearch.videos import encode
from tests.killed import killed_and_resumed
from tests.zoo.cases import CASES
from tests.zoo.served import FRAMES

FPS, N = 8, 6
ROOT = Path(__file__).parents[2]
FAMILIES = (
    "cogvideox-redrawn", "wan-redrawn", "wan-two-experts", "hunyuan-image-replaced", "hunyuan-image-concatenated",
    "skyreels-v1-image", "hunyuan-1.5", "hunyuan-1.5-image", "kandinsky-5", "kandinsky-5-image", "motif-image", "ltx-2",
    "ltx-2-image", "ltx-2-condition-continuation", "cosmos-1", "cosmos-1-image", "cosmos-2.5-continuation",
    "minimax-h3", "minimax-h3-image", "cosmos-3", "cosmos-3-image-sound", "cosmos-3-continuation",
)  # fmt: skip
RUNS = [c for c in CASES if c.id in FAMILIES]


def job(case, folder):
    """A job of best of N with this pipeline, from a text, an image or a clip as the case has it."""
    length = case.call().get("num_frames", FRAMES)  # of long ones fewer windows are scored
    prompt = {"id": "p", "text": "a red ball rolls left"}
    if case.given == 1:
        Image.fromarray(film(1, case.side)[0]).save(folder / "first.png")
        prompt["image"] = str(folder / "first.png")
    elif case.given:
        given = FRAMES if "redrawn" in case.id else case.given
        (folder / "start.mp4").write_bytes(encode(film(given, case.side), FPS, enlarge=False))
        prompt["video"] = str(folder / "start.mp4")
    values = {
        "prompts": {"items": [prompt]},
        "search": {"name": "best_of_n", "n": N},
        "generator": {"name": "tests.zoo.served:case", "steps": 3, "fps": FPS, "call": {"case": case.id}},
        "reward": {"name": "vjepa2", "model": "tiny", "window": 12, "stride": 1 + length // 25},
        "cluster": {"generators": {"replicas": 1, "num_cpus": 0.5}, "rewards": {"replicas": 1, "num_cpus": 0.5}},
    }
    (folder / "job.yaml").write_text(yaml.safe_dump(values))
    return str(folder / "job.yaml")


def result(folder):
    return json.loads((folder / "result.json").read_text())


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize("case", [c for c in RUNS if not c.missing], ids=lambda c: c.id)
def test_a_run_killed_on_ray_goes_on_to_the_hash_of_an_unbroken_one(case, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = [job(case, tmp_path), "cluster.executor=ray", f"run={tmp_path / 'run'}"]
    before = killed_and_resumed(words, tmp_path / "run", tmp_path / "home")
    assert 2 <= before < N, "it had ended before it was killed"
    assert main(["run", words[0], "cluster.executor=inline", f"run={tmp_path / 'unbroken'}"]) == 0
    here, there = result(tmp_path / "run"), result(tmp_path / "unbroken")
    assert here["hash"] == there["hash"]
    (search,) = here["searches"]
    assert search["error"] is None and len({o["reward"] for o in search["finals"]}) == N
    with av.open(str(tmp_path / "run/best/p.mp4")) as container:
        declared = PIPELINES[case.pipeline]
        assert len(container.streams.audio) == (declared.sound or case.call().get(declared.sound_if, False))
        assert sum(1 for _ in container.decode(video=0)) >= FRAMES - 4


@pytest.mark.slow
def test_every_family_of_the_list_is_in_the_zoo():
    assert {c.id for c in RUNS} == set(FAMILIES)
