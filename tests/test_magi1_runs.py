"""Whole runs of MAGI-1, from text, an image and a clip: chunk by chunk, through executors, killed and resumed."""

import json
from pathlib import Path

import av
import pytest
import yaml
from PIL import Image

from examples.tiny_parts import film
from raysearch.cli import main
from raysearch.generators.magi1.stages import CHUNK, FPS
from raysearch.videos import encode
from tests.generators.magi1 import tiny
from tests.killed import killed_and_resumed

SIDE = 32
GIVEN = {"text": 0, "image": 1, "clip": 3 * CHUNK}  # frames; three seconds, as Physics-IQ gives
MADE = 2  # chunks
CHUNKWISE = {"name": "chunkwise", "n": 4, "last": 3}
WHOLE = {"name": "best_of_n", "n": 6}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.write(tmp_path_factory.mktemp("magi1"))


def job(folder, model, given, search, each=8, window=1, **values):
    """A job file from a text, an image or a clip; returns its path."""
    prompt = {"id": "p", "text": "a red ball rolls left"}
    if given == "image":
        Image.fromarray(film(1, SIDE)[0]).save(folder / "first.png")
        prompt["image"] = str(folder / "first.png")
    elif given == "clip":
        (folder / "start.mp4").write_bytes(encode(film(GIVEN[given], SIDE), FPS, enlarge=False))
        prompt["video"] = str(folder / "start.mp4")
    generator = {
        "name": "magi1", "model": str(model), "chunks": MADE, "steps": each // window * (MADE + window - 1), "fps": FPS,
        "height": SIDE, "width": SIDE, "call": {"window": window},
    }  # fmt: skip
    values = {"prompts": {"items": [prompt]}, "search": search, "generator": generator, **values}
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def result(run: Path):
    return json.loads((run / "result.json").read_text())


def frames_and_rate(run: Path):
    with av.open(str(run / "best/p.mp4")) as container:
        stream = container.streams.video[0]
        return sum(1 for _ in container.decode(video=0)), float(stream.average_rate)


def test_chunkwise_runs_through_an_executor_and_costs_what_it_says(tmp_path, model):
    words = [
        job(tmp_path, model, "text", CHUNKWISE, each=4, reward={"name": "motion"}, watch=[]),
        "cluster.executor=inline",
    ]
    assert main(["run", *words, f"run={tmp_path / 'run'}"]) == 0
    (search,) = result(tmp_path / "run")["searches"]
    assert search["error"] is None and len(search["finals"]) == 3
    outcomes = [json.loads(line) for f in (tmp_path / "run/outcomes").glob("*.jsonl") for line in f.open()]
    assert len(outcomes) == 4 + 3
    assert len({o["reward"] for o in search["finals"]}) == 3
    assert frames_and_rate(tmp_path / "run") == (MADE * CHUNK, FPS)


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize(
    ("given", "search", "window"),
    [("text", WHOLE, 2), ("image", WHOLE, 1), ("clip", WHOLE, 1), ("clip", CHUNKWISE, 1)],
    ids=["text", "image", "clip", "clip-chunkwise"],
)
def test_a_run_killed_on_ray_goes_on_to_the_hash_of_an_unbroken_one(given, search, window, tmp_path, model):
    one = {"replicas": 1, "num_cpus": 0.5}
    file = job(
        tmp_path, model, given, search, 16, window, reward={"name": "vjepa2", "model": "tiny", "stride": 8},
        cluster={"generators": one, "rewards": one},
    )  # fmt: skip
    words = [file, "cluster.executor=ray", f"run={tmp_path / 'run'}"]
    before = killed_and_resumed(words, tmp_path / "run", tmp_path / "home")
    moves = search["n"] + search.get("last", 0)
    assert 2 <= before < moves, "it had ended before it was killed"
    assert main(["run", file, "cluster.executor=inline", f"run={tmp_path / 'unbroken'}"]) == 0
    here, there = result(tmp_path / "run"), result(tmp_path / "unbroken")
    assert here["hash"] == there["hash"]
    (of,) = here["searches"]
    assert of["error"] is None and len({o["reward"] for o in of["finals"]}) == search.get("last", search["n"])
    given_whole = GIVEN[given] // CHUNK * CHUNK
    assert frames_and_rate(tmp_path / "run") == (given_whole + MADE * CHUNK, FPS)
