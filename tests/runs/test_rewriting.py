"""From `prompts.rewrite` to a finished run: real writers, a driver that is killed, plans without any request."""

import json
import os
import signal
import threading

import pytest

from raysearch import runs
from raysearch.runs import resolve
from raysearch.runs.plan import Pace, simulate
from raysearch.runs.rewriting import imagined, recorded
from tests.runs.test_wordings import job
from tests.serving import served
from tests.writers.test_endpoint import said
from tests.writers.test_local import tiny_model

ITEMS = [{"id": "ball", "text": "speed 4"}, {"id": "car", "text": "speed 8"}]


def rewriting(folder, source, **more):
    prompts = {"items": ITEMS, "rewrite": {"with": source, "n": 3, **more}}
    return job(folder, prompts=prompts, search={"name": "wording", "n": 8})


class Endpoint:
    """Answers `speed SEED + 3`; kills a process when a request of this number has come, before it answers."""

    def __init__(self):
        self.asked, self.kill_at, self.pid = [], 0, 0
        self._lock = threading.Lock()

    def __call__(self, request):
        asked = request.json
        with self._lock:
            self.asked.append((asked["messages"][0]["content"], asked["seed"]))
            if len(self.asked) == self.kill_at:
                os.kill(self.pid, signal.SIGKILL)
                return 200, None, {}
        return said(f"speed {asked['seed'] + 3}")


def test_a_driver_killed_between_answers_asks_for_nothing_twice_that_was_answered(tmp_path):
    endpoint = Endpoint()
    with served(endpoint) as url:
        settings = rewriting(tmp_path / "run", f"{url}/v1", model="m")
        endpoint.kill_at = 4
        if not (pid := os.fork()):
            from raysearch.writers.endpoint import Endpoint as Real

            Real.together = 1
            runs.run(settings)
            os._exit(0)
        endpoint.pid = pid
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        answered = len(list((tmp_path / "run/wordings").glob("*.json")))
        assert answered == 3 and recorded(resolve(settings), settings.run) is None
        ended = runs.run(settings)
    assert len(endpoint.asked) == 6 + 1 and len(set(endpoint.asked)) == 6, "only the request without an answer again"
    assert [len(end.result.notes["wordings"]["nfe"]) for end in ended] == [3, 4]
    assert ended[0].task.prompt.variants == ("speed 3", "speed 5"), "seed 1 gave the text itself"
    again = runs.run(settings)  # and the endpoint is down now
    assert [end.result.digest() for end in again] == [end.result.digest() for end in ended]


def test_a_local_model_writes_the_variants_of_a_run(tmp_path, capsys):
    source = tiny_model(tmp_path / "writer")
    ended = runs.run(rewriting(tmp_path / "run", source, max_tokens=6))
    assert "6 wordings asked of" in capsys.readouterr().out
    assert all(1 <= len(end.task.prompt.variants) <= 3 for end in ended)
    told = [json.loads(f.read_text()) for f in (tmp_path / "run/wordings").glob("*.json")]
    assert {t["wording"] for t in told} >= set(ended[0].task.prompt.variants)
    found = json.loads((tmp_path / "run/result.json").read_text())
    assert tuple(found["searches"][0]["prompt"]["variants"]) == ended[0].task.prompt.variants


def test_runs_may_share_their_answers(tmp_path):
    endpoint = Endpoint()
    with served(endpoint) as url:
        for k in range(2):
            runs.run(rewriting(tmp_path / f"run{k}", f"{url}/v1", model="m", answers=str(tmp_path / "shared")))
    assert len(endpoint.asked) == 6


def test_a_plan_asks_nobody_and_counts_the_wordings(tmp_path):
    settings = rewriting(tmp_path / "run", "http://127.0.0.1:9/v1", model="m")
    assert simulate(settings, Pace(1.0), 1, 1).moves == 16 and not (tmp_path / "run").exists()
    assert len(imagined(resolve(settings)).prompts[0].wordings) == 4
    with pytest.raises(ValueError, match="n = 3 videos for 4 wordings"):
        resolve(job(tmp_path, prompts={"items": ITEMS, "rewrite": settings.prompts.rewrite},
                    search={"name": "wording", "n": 3}))  # fmt: skip
