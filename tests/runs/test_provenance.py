"""The JSON beside a film says what made it, and is enough to make it again."""

import json
from pathlib import Path

import pytest
import torch

from raysearch import config, generators, videos
from raysearch.cli import main
from raysearch.moves import Guide, Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling.workers import address, reduce, run_move

DEMO = str(Path(__file__).parents[2] / "jobs/demo.yaml")
WORDS = [
    "prompts.heldout=1", "generator.steps=4", "search.name=smc", "search.n=3", "search.lam=50", "search.threshold=1",
    "search.reads=[0.5]", "search.kernel={name: ddim_eta, eta: 0.7}", "cluster.executor=inline",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    assert main(["run", DEMO, f"run={folder}", *WORDS]) == 0
    return folder


def everything(run: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(run)): p.read_bytes() for where in ("films", "best") for p in (run / where).rglob("*.json")
    }


def test_beside_each_film_lies_what_made_it(run):
    films = sorted((run / "films").rglob("*.mp4"))
    assert len(films) == 3 and len(everything(run)) == 4 and not list(run.rglob("*.partial"))
    (result,) = json.loads((run / "result.json").read_text())["searches"]
    finals = {o["key"]: o for o in result["finals"]}
    for film in films:
        told = json.loads(film.with_suffix(".json").read_text())
        final = finals[told["key"]]
        assert film.stem == told["key"][:12] and told["reward"] == final["reward"]
        assert told["measured"] == final["rewards"] and told["prompt"] == result["prompt"]
        first, last = told["moves"]
        assert first["parent"] is None and last["parent"] == first["key"] and last["key"] == told["key"]
        assert [m["to"] for m in told["moves"]] == [2, 4] and first["seed"][:2] == [0, 0] and last["seed"][:2] == [0, 1]
        assert told["video"] == {
            "codec": "h264", "fps": 8, "frames": 17, "width": 256, "height": 256, "duration_s": 17 / 8,
        }  # fmt: skip
        assert told["search"]["name"] == "smc" and told["seed"] == 0 and told["generator"]["steps"] == 4
        assert told["generator"]["revision"] is None and len(told["generator"]["weights"]) == 32
        assert told["rewards"]["reward"]["name"] == "vjepa2" and {"torch", "diffusers"} <= set(told["versions"])
    best = result["finals"][result["best"]]["key"]
    assert json.loads((run / f"best/{result['name']}.json").read_text())["key"] == best


def test_it_is_enough_to_make_the_film_again(run):
    film = min((run / "films").rglob("*.mp4"))
    told = json.loads(film.with_suffix(".json").read_text())
    settings = {k: v for k, v in told["generator"].items() if k != "weights"}
    prompt = Prompt(**told["prompt"])
    generator = generators.load(config.typed({"generator": settings}, "film").generator).on(prompt)
    state = None
    with torch.no_grad():
        for m in told["moves"]:
            del m["key"]
            kernel, guide = m.pop("kernel"), m.pop("guide")
            move = Move(**m | {"seed": tuple(m["seed"])}, kernel=Kernel(**kernel), guide=guide and Guide(**guide))
            state, *_ = run_move(generator, move, prompt, state, torch.device("cpu"))
        frames = generator.decode(torch.from_numpy(state.x0), address(prompt, state.seed, "decode", state.step))
    assert videos.encode(reduce(frames, None), settings["fps"]) == film.read_bytes()


def test_the_same_run_writes_the_same_and_what_is_missing_comes_back(run):
    before = everything(run)
    lost = min((run / "films").rglob("*.json"))
    lost.unlink()
    assert main(["run", DEMO, f"run={run}", *WORDS]) == 0
    assert everything(run) == before


def test_a_broken_rate_is_refused(capsys, tmp_path):
    assert main(["run", DEMO, f"run={tmp_path / 'run'}", *WORDS, "generator.fps=23.976"]) == 2
    error = capsys.readouterr().err
    assert "generator.fps=23.976: films have a whole number of frames per second; set generator.fps=24" in error
    assert error.count("\n") == 1
