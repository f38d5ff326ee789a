"""Variants from the job to the report: what the generator reads, what rewards read, what is refused and told."""

from __future__ import annotations

import json

import pytest

from raysearch import config, report, runs
from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.runs import prompt_files, resolve
from tests.report.case import Page
from tests.runs import worded

ITEMS = [
    {"id": "ball", "text": "speed 4", "variants": ["speed 9", "speed 1", "speed 6"]},
    {"id": "car", "text": "speed 8", "variants": ["speed 2"]},
]


def job(folder, items=ITEMS, **parts):
    values = {
        "run": str(folder), "prompts": {"items": items}, "search": {"name": "wording", "n": 8},
        "generator": {"name": "tests.runs.worded:load", "model": "reader", "steps": 2, "fps": 8},
        "reward": {"name": "motion"}, "watch": ["flicker"], "films": "best", "latents": "none",
        "cluster": {"executor": "inline"},
    }  # fmt: skip
    return config.typed({**values, **parts}, "test")


def test_good_wordings_get_the_budget_and_the_report_shows_them_side_by_side(tmp_path):
    worded.MADE.clear()
    ended = runs.run(job(tmp_path / "run"))
    assert set(worded.MADE) == {"speed 4", "speed 9", "speed 1", "speed 6", "speed 8", "speed 2"}
    assert len(worded.MADE) == 6, "a replica makes each wording once"
    ball, car = (end.result for end in ended)
    note = ball.notes["wordings"]
    assert note["rounds"] == [[1, 3], [1]] and note["of"][ball.best] == 1 and sum(note["nfe"]) == 16
    assert car.notes["wordings"]["of"][car.best] == 0
    page = Page(report.write(str(tmp_path / "run")).read_text())
    for words in (
        "Another wording than the original was chosen for 1 of 2 prompts",
        "original speed 4 1 12 %", "variant 1 speed 9 3 38 %", "No measure here compares the videos with the text",
    ):  # fmt: skip
        assert words in page.words, words
    beside = json.loads(next((tmp_path / "run/best").glob("ball.json")).read_text())
    assert beside["moves"][-1]["variant"] == "speed 9" and beside["prompt"]["text"] == "speed 4"


def test_the_same_strategy_without_variants_finds_the_videos_of_the_original_recorded(tmp_path, capsys):
    runs.run(job(tmp_path / "run", search={"name": "best_of_n", "n": 3, "across": "variants"}))
    capsys.readouterr()
    ended = runs.run(job(tmp_path / "run", search={"name": "best_of_n", "n": 3}))
    said = capsys.readouterr().out
    assert "0 moves executed, 6 recalled" in said
    assert "prompts: 2 of 2 have variants, which search.name=best_of_n does not use" in said
    plain = runs.run(job(tmp_path / "plain", [{k: v for k, v in i.items() if k != "variants"} for i in ITEMS],
                         search={"name": "best_of_n", "n": 3}))  # fmt: skip
    assert [end.result.digest() for end in ended] == [end.result.digest() for end in plain]


def test_a_budget_across_variants_is_divided(tmp_path):
    tasks = resolve(job(tmp_path, search={"name": "best_of_n", "budget": 17, "across": "variants"})).tasks()
    moves = [move.variant for move in next(tasks[0].search).moves]
    assert moves == [None, None, "speed 9", "speed 9", "speed 1", "speed 1", "speed 6", "speed 6"]


@pytest.mark.parametrize(
    ("items", "search", "wants"),
    [
        (["speed 1"], {"name": "wording"}, "search.name=wording: no prompt has a variant"),
        (["speed 1"], {"name": "halving", "across": "variants"}, "search.across=variants: no prompt has a variant"),
        (ITEMS, {"name": "wording", "n": 3}, "search: n = 3 videos for 4 wordings"),
        (ITEMS, {"name": "halving", "across": "texts"}, "search.across"),
        ([{"text": "a", "variants": ["b", "b"]}], {"name": "wording"}, "variants[1] is the same as variants[0]"),
        ([{"text": "a", "variants": ["a"]}], {"name": "wording"}, "variants[0] is the same as its text"),
        ([{"text": "a", "variants": [" "]}], {"name": "wording"}, "variants[0]=' ': give a text"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_starts(tmp_path, items, search, wants):
    with pytest.raises(UsageError) as refused:
        resolve(job(tmp_path, items, search=search))
    assert wants in str(refused.value) and len(str(refused.value).splitlines()) == 1


def test_a_wording_that_describes_nothing_is_warned_of_unless_something_reads_the_text(tmp_path):
    assert "no reward here reads the text" in resolve(job(tmp_path)).notes[0]
    watch = [{"name": "vlm", "questions": "text", "label": "adherence"}]
    assert resolve(job(tmp_path, watch=watch), elsewhere=True).notes == []


def test_variants_come_from_lines_of_a_file_and_change_neither_id_nor_fingerprint(tmp_path):
    plain, varied = {"text": "speed 4"}, {"text": "speed 4", "variants": ["speed 5"]}
    (tmp_path / "p.jsonl").write_text(json.dumps(varied))
    (found,) = prompt_files.read(str(tmp_path / "p.jsonl"), tuple(Prompt.__dataclass_fields__))
    assert found["id"] == prompt_files.identity(plain)
    one, other = Prompt(**found), Prompt(found["id"], "speed 4")
    assert one.fingerprint() == other.fingerprint() and one.wordings == (None, "speed 5") and hash(one)
    assert one.worded("speed 5") == Prompt(one.id, "speed 5") and one.worded(None) == other
    (tmp_path / "p.jsonl").write_text('{"text": "a", "variants": "b"}')
    with pytest.raises(UsageError, match=r"line 1: variants='b': give a list of texts"):
        prompt_files.read(str(tmp_path / "p.jsonl"), tuple(Prompt.__dataclass_fields__))
