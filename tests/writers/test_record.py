"""Nobody is asked twice: what was answered is recorded before it is used, whatever stops the asking."""

import json

import pytest

from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.writers import read
from raysearch.writers.record import complete, worded

PROMPTS = [Prompt("a", "a ball"), Prompt("b", "two balls", variants=("given",)), Prompt("c", image="c.png")]


class Writer:
    """Answers with a number, and stops before one of the requests."""

    together = 1

    def __init__(self, stop=None, say="wording {seed} of {text}"):
        self.asked, self._stop, self._say = [], stop, say

    def write(self, messages, seed):
        if len(self.asked) == self._stop:
            raise UsageError("stopped")
        self.asked.append((messages[0]["content"], seed))
        return self._say.format(seed=seed, text=messages[0]["content"])


def how(**more):
    return read({"with": "http://h/v1", "model": "m", "n": 3, "template": "{text}", **more})


def test_a_second_call_asks_for_what_is_missing_alone(tmp_path):
    first, second = Writer(stop=4), Writer()
    with pytest.raises(UsageError, match="stopped"):
        complete(how(), PROMPTS, str(tmp_path), lambda: first)
    assert worded(how(), PROMPTS, str(tmp_path)) is None
    assert complete(how(), PROMPTS, str(tmp_path), lambda: second) == 2
    every = first.asked + second.asked
    assert sorted(every) == sorted((t, s) for t in ("a ball", "two balls") for s in range(3))
    assert complete(how(), PROMPTS, str(tmp_path), None) == 0, "no writer is made where nothing is missing"
    a, b, c = worded(how(), PROMPTS, str(tmp_path))[0]
    assert a.variants == tuple(f"wording {s} of a ball" for s in range(3))
    assert b.variants == ("given", *(f"wording {s} of two balls" for s in range(3))) and c.variants == ()
    more = Writer()
    assert complete(how(n=5), PROMPTS, str(tmp_path), lambda: more) == 4, "a larger n asks for the rest"
    assert complete(how(n=5, model="other"), PROMPTS, str(tmp_path), lambda: Writer()) == 10


def test_a_file_holds_everything_and_a_damaged_one_counts_as_absent(tmp_path):
    complete(how(), PROMPTS[:1], str(tmp_path), lambda: Writer(say=' "w {seed}" '))
    files = sorted(tmp_path.glob("*.json"))
    told = [json.loads(f.read_text()) for f in files]
    assert {t["seed"] for t in told} == {0, 1, 2} and all(t["answer"] == f' "w {t["seed"]}" ' for t in told)
    assert {t["wording"] for t in told} == {"w 0", "w 1", "w 2"} and told[0]["writer"]["model"] == "m"
    assert told[0]["messages"] == [{"role": "user", "content": "a ball"}] and told[0]["at"].endswith("Z")
    files[0].write_text('{"wording": ')
    assert complete(how(), PROMPTS[:1], str(tmp_path), lambda: Writer()) == 1


def test_empty_and_equal_wordings_are_left_out_and_told(tmp_path):
    complete(how(), PROMPTS[:1], str(tmp_path), lambda: Writer(say="same"))
    (prompt,), said = worded(how(), PROMPTS[:1], str(tmp_path))
    assert prompt.variants == ("same",) and "2 of 3 wordings were empty or the same" in said[0]
    complete(how(template="x {text}"), PROMPTS[:1], str(tmp_path), lambda: Writer(say="<think>"))
    with pytest.raises(UsageError, match="gave no new wording of any prompt"):
        worded(how(template="x {text}"), PROMPTS[:1], str(tmp_path))
