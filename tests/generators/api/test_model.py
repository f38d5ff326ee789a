"""An endpoint in whole runs: best of n, wording and the final choice, and a driver killed before every event."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from raysearch import config, report, runs, storage, videos, web
from raysearch.errors import UsageError
from raysearch.generators.api import client
from raysearch.generators.api.model import ApiModel
from raysearch.prompts import Prompt
from raysearch.sampling.state import Store
from tests.generators.api.server import VideoServer, failed, film
from tests.generators.api.test_settings import OWN
from tests.serving import served

KILLS = [(5, "sent"), (7, "accepted"), (11, "done")]  # of 19 events; what stands in the record then


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(web, "PAUSE_S", 0.0)
    monkeypatch.setattr(client, "POLL_S", 0.0)


@pytest.fixture
def server():
    return VideoServer()


@pytest.fixture
def job(server, tmp_path):
    def made(run="run", search=None, items=("a ball",), **settings):
        values = {
            "run": str(tmp_path / run), "prompts": {"items": list(items)},
            "search": search or {"name": "best_of_n", "n": 3},
            "generator": {**OWN, "endpoint": f"{url}/v1", "call": {"num_inference_steps": 30}, **settings},
            "reward": {"name": "motion"}, "watch": ["flicker"], "films": "best", "latents": "none",
            "cluster": {"executor": "inline"},
        }  # fmt: skip
        return config.typed(values, "test")

    with served(server) as url:
        yield made


def test_best_of_n_keeps_the_video_that_moves_most_and_costs_nothing_again(server, job, tmp_path):
    (end,) = runs.run(job(price=0.1, budget={"usd": 1.0}))
    seeds = [int(seed) for _, seed in server.made]
    assert len(set(seeds)) == 3 and end.cost.nfe == 3
    best = max(seeds, key=lambda seed: seed % 16)
    assert end.result.winner.reward == pytest.approx(best % 16 + 1, abs=0.6)
    assert set(server.forms[0]) == {
        "model",
        "prompt",
        "seed",
        "size",
        "seconds",
        "num_frames",
        "fps",
        "num_inference_steps",
    }
    shown = videos.read(str(next((tmp_path / "run/best").glob("*.mp4")))).frames
    assert abs(float(shown[-1].mean()) - 7 * (best % 16 + 1)) < 4
    server.came.clear()
    (again,) = runs.run(job(price=0.1, budget={"usd": 1.0}))
    assert again.result.digest() == end.result.digest() and not server.came
    (more,) = runs.run(job(search={"name": "best_of_n", "n": 4}))
    assert server.came["create"] == 1 and len(more.result.finals) == 4


def test_wordings_and_the_report(server, job, tmp_path):
    item = {"id": "a", "text": "a ball", "variants": ["a red ball", "a blue ball"]}
    (end,) = runs.run(job(search={"name": "wording", "n": 6}, items=[item]))
    assert sum(server.made.values()) == 6 and {p for p, _ in server.made} == {"a ball", "a red ball", "a blue ball"}
    assert sum(end.result.notes["wordings"]["nfe"]) == 6
    assert report.write(str(tmp_path / "run")).is_file()


def test_a_refused_video_has_no_reward_and_the_search_goes_on(server, job):
    server.faults["poll"] = [failed("rejected by the safety system")]
    (end,) = runs.run(job())
    assert sum(np.isnan(o.reward) for o in end.result.finals) == 1 and end.error is None
    assert server.came["create"] == 3


def test_a_search_that_an_endpoint_fails_can_be_gone_on_with(server, job):
    server.faults["create"] = [lambda real: real, (401, {"error": {"message": "bad key"}}, {})]
    (end,) = runs.run(job())
    assert "bad key" in end.error
    (again,) = runs.run(job())
    assert again.error is None and sum(server.made.values()) == 3


def events(kill_at):
    """Count what leaves a trace, in a child: requests and writes; die before the one of this number."""
    count = [0]

    def before(function):
        def counted(*args, **kwargs):
            count[0] += 1
            if count[0] == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return counted

    web.ask, storage.write, storage.append = before(web.ask), before(storage.write), before(storage.append)


def killed(server, settings, kill_at):
    """The state of the record of a run of one video that is killed there; None if it came to its end before."""
    torch.set_num_threads(1)
    server.jobs.clear()
    if not (pid := os.fork()):
        events(kill_at)
        runs.run(settings)
        os._exit(0)
    if not os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
        return None
    files = list((Path(settings.run) / "requests").glob("*.json"))
    return json.loads(files[0].read_text())["attempts"][-1]["state"] if files else "nothing"


def one(job, number):
    return job(f"run{number}", {"name": "best_of_n", "n": 1}, price=0.5, budget={"usd": 0.5})


@pytest.mark.parametrize("kill_at, state", KILLS)
def test_a_driver_killed_while_it_asks_pays_nothing_twice(server, job, kill_at, state):
    assert killed(server, one(job, 0), kill_at) == state
    (end,) = runs.run(one(job, 0))
    assert end.error is None and sum(server.made.values()) == 1


@pytest.mark.slow
def test_a_driver_killed_before_any_request_or_write_pays_nothing_twice(server, job):
    stages, states = 0, set()
    while (state := killed(server, one(job, stages), stages + 1)) is not None:
        (end,) = runs.run(one(job, stages))
        assert end.error is None and sum(server.made.values()) == 1, stages
        stages, states = stages + 1, states | {state}
    assert stages >= 12 and states == {"nothing", "sent", "accepted", "done"}


def test_latents_are_the_bytes_of_the_file(server, job, tmp_path):
    settings = job()
    model = ApiModel(settings.generator)
    with pytest.raises(UsageError, match="needs a run folder"):
        model.on(Prompt("a", "a ball"))
    model.record_in(str(tmp_path))
    made = model.on(Prompt("a", "a ball"))
    x = made.draw(torch.Generator().manual_seed(3))
    x0 = made.denoise(x, 0, torch.Generator())
    assert x0.numpy().astype(np.uint8).tobytes() == film(int(x)) and x0.dtype == torch.float32
    assert torch.equal(made.draw(torch.Generator().manual_seed(3)), x)
    frames = made.decode(x0, torch.Generator())
    assert frames.shape == (8, 3, 32, 32) and frames.min() >= 0 and frames.max() <= 1
    assert made.decode(torch.full((1, 1), float("nan")), torch.Generator()).isnan().all()
    assert Store(str(tmp_path)).load("none") is None
