"""Round by round: the best video is looked at, its wording rewritten and searched; nobody is asked twice."""

import base64
import io
import json
import math
import os
import signal
import threading

import numpy as np
import pytest
from PIL import Image

from raysearch import runs
from raysearch.errors import UsageError
from raysearch.moves import Outcome
from raysearch.runs import resolve
from raysearch.runs.plan import Pace, simulate
from raysearch.runs.refining import picture, place, shown
from tests.runs.test_wordings import job
from tests.serving import served
from tests.writers.test_endpoint import said

ITEMS = [{"id": "ball", "text": "speed 4"}, {"id": "car", "text": "speed 8"}]
SEARCH = {"name": "best_of_n", "n": 2, "across": "variants"}


def refining(folder, source, items=ITEMS, search=SEARCH, **more):
    return job(folder, prompts={"items": items, "refine": {"with": source, **more}}, search=search)


class Critic:
    """Sees pictures, finds the square too slow and asks for 3 more; at speed 10 and above nothing is wrong."""

    def __init__(self):
        self.asked, self.pictures, self.kill_at, self.pid = [], [], 0, 0
        self._lock = threading.Lock()

    def __call__(self, request):
        asked = request.json
        *pictures, text = asked["messages"][0]["content"]
        with self._lock:
            self.asked.append((text["text"], asked["seed"]))
            self.pictures.append([p["image_url"]["url"] for p in pictures])
            if len(self.asked) == self.kill_at:
                os.kill(self.pid, signal.SIGKILL)
                return 200, None, {}
        if "Wording: speed " in text["text"]:
            speed = int(text["text"].rpartition("speed ")[2])
            return said(f"<think>faster</think>speed {speed + 3}")
        grey = self._grey(pictures[-1])
        return said("Nothing." if grey > 110 else "It is too slow.")

    @staticmethod
    def _grey(part):
        data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
        return float(np.asarray(Image.open(io.BytesIO(data))).mean())


def test_every_round_goes_on_from_the_best_video_until_nothing_is_wrong(tmp_path, capsys):
    critic = Critic()
    with served(critic) as url:
        settings = refining(tmp_path / "run", f"{url}/v1", model="m", rounds=3)
        ended = runs.run(settings)
        asked = len(critic.asked)
        again = runs.run(settings)
    ball, car = (end.task.prompt for end in ended)
    assert ball.variants == ("speed 7", "speed 10") and car.variants == ("speed 11",)
    assert [end.result.notes["wordings"]["of"][end.result.best] for end in ended] == [2, 1]
    assert asked == len(critic.asked) == 4 + 1 + 2 + 1, "two questions a round, one where nothing is wrong"
    assert [end.result.digest() for end in again] == [end.result.digest() for end in ended]
    assert all(len(pictures) == 4 for pictures in critic.pictures), "all frames of so short a video"
    out = capsys.readouterr().out
    assert "round 1 of 3: 2 videos looked at" in out and "all is recorded, no model is loaded" in out
    told = [json.loads(f.read_text()) for f in (tmp_path / "run/wordings").glob("critique-*.json")]
    assert {t["answer"] for t in told} == {"It is too slow.", "Nothing."} and "data:image" not in json.dumps(told)
    found = json.loads((tmp_path / "run/result.json").read_text())
    assert found["searches"][0]["prompt"]["variants"] == ["speed 7", "speed 10"]


@pytest.mark.parametrize("at", [2, 5])
def test_a_driver_killed_between_answers_asks_for_nothing_twice_that_was_answered(tmp_path, at):
    critic = Critic()
    with served(critic) as url:
        settings = refining(tmp_path / "run", f"{url}/v1", ITEMS[:1], model="m", rounds=3)
        critic.kill_at = at
        if not (pid := os.fork()):
            runs.run(settings)
            os._exit(0)
        critic.pid = pid
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        (end,) = runs.run(settings)
    assert end.task.prompt.variants == ("speed 7", "speed 10")
    assert len(critic.asked) == 5 + 1 and len(set(critic.asked)) == 5, "only the request without an answer again"


def test_the_searches_of_earlier_rounds_are_recalled_and_the_budget_is_bounded(tmp_path, capsys):
    with served(Critic()) as url:
        settings = refining(tmp_path / "run", f"{url}/v1", ITEMS[:1], model="m", rounds=1)
        assert simulate(settings, Pace(1.0), 1, 1).moves == 2 * 2
        runs.run(settings)
    assert "4 moves executed, 2 recalled from the journal, 8 network evaluations" in capsys.readouterr().out


def test_the_model_is_shown_the_frames_around_the_break_and_told_the_place():
    told = {"w.break": 12.0, "w.frames": 41.0, "w.row": 0.9, "w.column": 0.1}
    broken, whole = Outcome("a", 1.0, {"w": 1.0, **told}), Outcome("a", 1.0, {"w": 1.0, **told, "w.break": 41.0})
    assert place(broken, 8.0) == "A world model is most surprised at 1.50 seconds, at the lower left of the picture."
    assert "no moment that is clearly impossible" in place(whole, 8.0) and place(Outcome("a"), 8.0) == ""
    assert shown(8, 41, broken) == [0, 10, 11, 12, 13, 27, 40], "13 is among both"
    assert shown(5, 41, whole) == [0, 10, 20, 30, 40] and shown(9, 3, whole) == [0, 1, 2]
    assert math.isnan(Outcome("a").detail("break"))


def test_a_picture_is_reduced_to_the_size_that_is_asked_for():
    data = base64.b64decode(picture(np.zeros((40, 80, 3), np.uint8), 20).partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (20, 10)


@pytest.mark.parametrize(("more", "words"), [
    ({"search": {"name": "wording", "n": 8}}, "prompts.refine: each round searches one wording more"),
    ({"search": {**SEARCH, "budget": 8}}, "search.budget=8: would change with every wording"),
    ({"films": "none"}, "films=none: prompts.refine has the best video looked at"),
])  # fmt: skip
def test_what_cannot_go_on_with_a_wording_more_is_refused(tmp_path, more, words):
    prompts = {"items": ITEMS, "refine": {"with": "http://127.0.0.1:9/v1", "model": "m"}}
    with pytest.raises(UsageError, match=words):
        resolve(job(tmp_path, prompts=prompts, **{"search": SEARCH, **more}))
