"""The journal: nothing recorded is lost, nothing damaged is used, and another run is not mistaken for this one."""

import json
import math
import os
import shutil
import zlib
from dataclasses import replace

import fsspec
import pytest

from raysearch import storage
from raysearch.engine import journal as module
from raysearch.engine.journal import Journal, _differences
from raysearch.errors import UsageError
from raysearch.moves import Cost, Outcome

MANIFEST = {"generator": {"model": "tiny", "steps": 12}}


def outcome(k: int) -> Outcome:
    return Outcome(
        f"key{k}", k / 7, {"vjepa2": k / 7, "nan": math.nan, "inf": -math.inf}, 0.1 * k, Cost(12, 1, 0.5, 0.25)
    )


def same(a: Outcome, b: Outcome) -> bool:
    return a.to_json() == b.to_json()


@pytest.fixture(params=["local", "memory"])
def url(request, tmp_path):
    return str(tmp_path / "run") if request.param == "local" else f"memory://{tmp_path.name}/run"


def test_what_was_recorded_is_read_back_bit_for_bit(url):
    journal = Journal(url, MANIFEST)
    for k in range(5):
        journal.record(outcome(k))
    again = Journal(url, MANIFEST)
    assert len(again.outcomes) == 5 and again.damaged == 0
    assert all(same(again.outcomes[f"key{k}"], outcome(k)) for k in range(5))


def test_segments_rotate_and_sessions_append(url, monkeypatch):
    monkeypatch.setattr(module, "SEGMENT", 3)
    for session, records in enumerate((7, 3, 1)):
        journal = Journal(url, MANIFEST)
        for k in range(records):
            journal.record(outcome(session * 1000 + k))
    fs, root = fsspec.core.url_to_fs(url)
    paths = sorted(fs.ls(f"{root}/outcomes", detail=False))
    assert [path.rsplit("/", 1)[1][:6] for path in paths] == [f"{k:05d}-" for k in range(5)]
    assert [len(fs.cat_file(path).splitlines()) for path in paths] == [3, 3, 1, 3, 1]
    again = Journal(url, MANIFEST)
    assert len(again.outcomes) == 7 + 3 + 1 and again.damaged == 0


@pytest.mark.parametrize("reward", [0.5, math.nan])
def test_lines_from_another_reward_are_left_out(url, reward):
    other = MANIFEST | {"rewards": {"identity": "other"}}
    mine = Journal(url, MANIFEST | {"rewards": {"identity": "mine"}})
    mine.record(outcome(0))
    Journal(f"{url}-other", other).record(replace(outcome(1), reward=reward))
    (foreign,) = storage.files(f"{url}-other/outcomes")
    storage.write(f"{url}/outcomes/99999-zz.jsonl", storage.read(foreign))
    again = Journal(url, MANIFEST | {"rewards": {"identity": "mine"}})
    assert set(again.outcomes) == {"key0"} and again.damaged == 1 and "other models or rewards" in again.warnings()[0]


def test_outcomes_without_a_manifest_are_refused(url):
    Journal(url, MANIFEST).record(outcome(0))
    storage.remove(f"{url}/manifest.json")
    with pytest.raises(UsageError, match=r"no manifest\.json.*restore it, or choose another run="):
        Journal(url, MANIFEST)


def test_two_lines_that_differ_are_both_left_out_until_the_move_is_recorded_again(url):
    for k in (0, 1):
        Journal(f"{url}{k}", MANIFEST).record(replace(outcome(5), reward=k / 7))
    for k in (0, 1):
        copied(f"{url}{k}", url, f"{k:05d}-z.jsonl")
    journal = Journal(url, MANIFEST)
    assert not journal.outcomes and journal.disputed == {"key5"} and "two outcomes" in journal.warnings()[0]
    journal.record(outcome(5))
    again = Journal(url, MANIFEST)
    assert same(again.outcomes["key5"], outcome(5)) and not again.disputed and not again.warnings()


def copied(source: str, target: str, name: str) -> None:
    """The only segment of a folder into another one, and its manifest."""
    (segment,) = storage.files(f"{source}/outcomes")
    storage.write(f"{target}/outcomes/{name}", storage.read(segment))
    storage.write(f"{target}/manifest.json", storage.read(f"{source}/manifest.json"))


def test_the_same_move_recorded_twice_or_scored_later_is_no_contradiction(url):
    unscored = Outcome("key0", math.nan, {}, 0.1)
    for each in (unscored, replace(unscored, reward=0.4, rewards={"r": 0.4}), unscored,
                 Outcome("key0", 0.4, {"r": 0.4}, 0.1, Cost(3))):  # fmt: skip
        Journal(url, MANIFEST).record(each)
    again = Journal(url, MANIFEST)
    assert again.outcomes["key0"].reward == 0.4 and again.outcomes["key0"].cost == Cost() and not again.disputed


def unbound(k: int) -> str:
    """A line as an earlier version wrote it, which does not say where it comes from."""
    body = json.dumps(outcome(k).to_json(), sort_keys=True)
    return f'{{"crc": {zlib.crc32(body.encode())}, "outcome": {body}}}\n'


def test_lines_that_do_not_say_where_they_come_from_are_left_out(tmp_path):
    Journal(str(tmp_path), MANIFEST).record(outcome(1))
    storage.write(tmp_path / "outcomes/00000-0.jsonl", unbound(0))
    again = Journal(str(tmp_path), MANIFEST)
    assert set(again.outcomes) == {"key1"} and again.damaged == 1


@pytest.mark.parametrize(
    "line", ["[]", "3", "null", "{}", '{"crc": 0, "of": 3}', "[" * 99999, '{"crc": 1, "outcome": 3}']
)
def test_what_is_no_record_is_left_out(tmp_path, line):
    Journal(str(tmp_path), MANIFEST).record(outcome(0))
    storage.write(tmp_path / "outcomes/00005-a.jsonl", line)
    again = Journal(str(tmp_path), MANIFEST)
    assert set(again.outcomes) == {"key0"} and again.damaged == 1


@pytest.mark.parametrize("name, told", [("manifest.json", "cannot be read"), ("outcomes", "not a folder")])
@pytest.mark.parametrize("kind", ["pipe", "folder", "file"])
def test_what_is_no_file_is_one_line_and_never_waited_for(tmp_path, name, told, kind):
    Journal(str(tmp_path), MANIFEST).record(outcome(0))
    path = tmp_path / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    {"pipe": os.mkfifo, "folder": os.mkdir, "file": lambda p: p.write_text("[]")}[kind](path)
    if (name, kind) == ("outcomes", "folder"):
        assert not Journal(str(tmp_path), MANIFEST).outcomes
        return
    with pytest.raises(UsageError, match=told if kind != "file" or name == "outcomes" else "another run"):
        Journal(str(tmp_path), MANIFEST)


def test_a_pipe_among_the_segments_is_let_be(tmp_path):
    Journal(str(tmp_path), MANIFEST).record(outcome(0))
    os.mkfifo(tmp_path / "outcomes/z.jsonl")
    again = Journal(str(tmp_path), MANIFEST)
    assert set(again.outcomes) == {"key0"} and not again.damaged


def test_one_driver_at_a_time_and_no_leftovers(tmp_path):
    run = tmp_path / "run"
    (run / "latents").mkdir(parents=True)
    for name in ("latents/.k.safetensors.1-2.partial", ".result.json.1-2.partial", "manifest.12.partial"):
        (run / name).write_text("half")
    with Journal.held(str(run), MANIFEST) as journal:
        assert not list(run.rglob("*.partial"))
        journal.record(outcome(0))
        with pytest.raises(UsageError, match="works in this folder since"), Journal.held(str(run), MANIFEST):
            pass
        journal._lease._lost = "another driver has taken this folder over"
        with pytest.raises(UsageError, match="taken this folder over; this driver stops"):
            journal.record(outcome(1))
    assert set(Journal(str(run), MANIFEST).outcomes) == {"key0"}


@pytest.mark.parametrize("cut", [1, 20, -1])
def test_a_half_written_line_is_left_out_and_counted(tmp_path, cut):
    journal = Journal(str(tmp_path), MANIFEST)
    for k in range(3):
        journal.record(outcome(k))
    path = next((tmp_path / "outcomes").iterdir())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:cut].rstrip(b"}\n"))
    again = Journal(str(tmp_path), MANIFEST)
    assert set(again.outcomes) == {"key0", "key1"} and again.damaged == 1


def test_a_flipped_digit_is_noticed(tmp_path):
    journal = Journal(str(tmp_path), MANIFEST)
    journal.record(outcome(3))
    path = next((tmp_path / "outcomes").iterdir())
    record = json.loads(path.read_text())
    record["outcome"]["reward"] += 1e-9
    path.write_text(json.dumps(record) + "\n")
    again = Journal(str(tmp_path), MANIFEST)
    assert not again.outcomes and again.damaged == 1


def test_records_after_a_damaged_end_survive(tmp_path):
    Journal(str(tmp_path), MANIFEST).record(outcome(0))
    path = next((tmp_path / "outcomes").iterdir())
    path.write_bytes(path.read_bytes() + b'{"crc": 1, "outc')
    Journal(str(tmp_path), MANIFEST).record(outcome(1))
    again = Journal(str(tmp_path), MANIFEST)
    assert set(again.outcomes) == {"key0", "key1"} and again.damaged == 1


def test_lines_that_are_no_records_are_counted(tmp_path):
    Journal(str(tmp_path), MANIFEST).record(outcome(0))
    path = next((tmp_path / "outcomes").iterdir())
    path.write_text("{}\n[]\n3\n" + path.read_text() + '{"crc": 1, "outcome": {}}\nnot json\n')
    again = Journal(str(tmp_path), MANIFEST)
    assert set(again.outcomes) == {"key0"} and again.damaged == 5


def test_a_forgetful_journal_remembers_but_writes_nothing():
    journal = Journal.forgetful()
    journal.record(outcome(1))
    assert set(journal.outcomes) == {"key1"}


def test_a_refusal_tells_four_differences_and_counts_the_rest(url):
    old = {"job": {f"k{i}": i for i in range(6)}, "long": "x" * 100}
    Journal(url, old).record(outcome(0))
    with pytest.raises(UsageError) as error:
        Journal(url, {"job": {f"k{i}": -i for i in range(6)}, "long": "y" * 100})
    told = str(error.value)
    assert "job.k1 was 1, now -1; job.k2 was 2, now -2; " in told and told.count(" was ") == 4 and "and 2 more." in told
    with pytest.raises(UsageError, match=r"and 1 more\."):
        Journal(url, {"job": {f"k{i}": -i for i in range(6)}, "long": "x" * 100})
    with pytest.raises(UsageError, match=r"long was \"x{56}\.\.\., now \"y{56}\.\.\.\. Choose"):
        Journal(url, {**old, "long": "y" * 100})
    with pytest.raises(UsageError, match=r"k4 was 4, now -4\. Choose"):
        Journal(url, {"job": {f"k{i}": i if i in (0, 5) else -i for i in range(6)}, "long": "x" * 100})


def test_an_outcome_recorded_is_there_at_once_and_ends_a_dispute(tmp_path):
    journals = [Journal(str(tmp_path), MANIFEST) for _ in range(3)]
    other = replace(outcome(0), log_ratio=5.0)
    for name, (journal, found) in enumerate(zip(journals, (outcome(0), other, outcome(0)), strict=True)):
        journal._writer = str(name)  # read in this order: one, another, and the one again
        journal.record(found)
        assert journal.outcomes["key0"] is found
    again = Journal(str(tmp_path), MANIFEST)
    assert again.disputed == {"key0"} and not again.outcomes and len(again.warnings()) == 1
    again.record(other)
    assert not again.disputed and not again.warnings() and again.outcomes["key0"] is other
    assert same(Journal(str(tmp_path), MANIFEST).outcomes["key0"], other)


def test_lines_of_the_same_models_said_differently_are_used(url):
    for spelled in ("tiny", "./tiny"):
        journal = Journal(url, {"generator": {"identity": "abc", "model": spelled}, "rewards": {"r": 1}})
        journal.record(outcome(0))
    assert len(journal.outcomes) == 1 and not journal.damaged


def test_a_folder_without_a_format_is_of_the_first_one(url):
    Journal(url, MANIFEST).record(outcome(0))
    with pytest.raises(UsageError, match="journal format 1 and this raysearch writes format 2"):
        Journal(url, MANIFEST | {"raysearch": "2"})


def test_a_manifest_is_compared_as_it_is_read_back(url):
    manifest = {"search": {"window": (0.2, 0.8)}}
    Journal(url, manifest).record(outcome(0))
    assert set(Journal(url, manifest).outcomes) == {"key0"}


def test_differences_by_hand():
    def differ(old, new):
        return list(_differences(old, new))

    part = {"identity": "a", "weights": "w", "settings": {"x": 1}, "model": "m"}
    assert differ(part, {**part, "settings": {"x": 2}, "model": "other"}) == []  # the same part, said differently
    other = {"identity": "b", "weights": "v", "settings": {"x": 1}, "model": "n"}
    assert differ(part, other) == [("model", "m", "n")]  # what follows from the model is not told
    moved = {**part, "identity": "b", "weights": "v"}
    assert differ({"generator": part}, {"generator": moved}) == [
        ("generator.identity", "a", "b"), ("generator.weights", "w", "v")
    ]  # fmt: skip
    old = {"weights": "w", "model": "m"}
    assert differ(old, {**old, "identity": "c"}) == []  # an older folder has no identity: all else agrees
    assert differ(old, {**old, "identity": "c", "weights": "v"}) == [("weights", "w", "v")]
    both = {"rewards": {"weights": 1, "a": 1, "z": 1}}
    assert differ(both, {"rewards": {"weights": 2, "a": 1, "z": 1}}) == [("weights", 1, 2)]


def test_another_model_is_an_error_that_says_what_changed(url):
    Journal(url, MANIFEST).record(outcome(0))
    with pytest.raises(UsageError, match=r"generator\.steps was 12, now 20.*another run="):
        Journal(url, {"generator": {"model": "tiny", "steps": 20}})


def test_a_folder_of_another_journal_format_is_refused_in_one_line(url):
    Journal(url, {"raysearch": "1", **MANIFEST}).record(outcome(0))
    with pytest.raises(
        UsageError, match=r"in journal format 1 and this raysearch writes format 2.*another run="
    ) as info:
        Journal(url, {"raysearch": "2", "generator": {"model": "tiny", "steps": 20}})
    assert "\n" not in str(info.value) and "steps" not in str(info.value)


def test_a_damaged_manifest_is_an_error(tmp_path):
    Journal(str(tmp_path), MANIFEST).record(outcome(0))
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        Journal(str(tmp_path), MANIFEST)


def test_nothing_is_created_before_the_first_record(tmp_path):
    Journal(str(tmp_path / "run"), MANIFEST)
    assert not (tmp_path / "run").exists()


def test_two_writers_of_one_folder_lose_nothing(url):
    """A job started twice by mistake, or requeued while the old one still dies."""
    first, second = Journal(url, MANIFEST), Journal(url, MANIFEST)
    for k in range(5):
        first.record(outcome(k))
        second.record(outcome(10 + k))
    again = Journal(url, MANIFEST)
    assert set(again.outcomes) == {f"key{k}" for k in (*range(5), *range(10, 15))} and again.damaged == 0


def test_a_segment_that_is_gone_costs_no_other(url):
    for session in range(3):
        Journal(url, MANIFEST).record(outcome(session))
    fs, root = fsspec.core.url_to_fs(url)
    fs.rm(sorted(fs.ls(f"{root}/outcomes", detail=False))[0])
    Journal(url, MANIFEST).record(outcome(3))
    assert set(Journal(url, MANIFEST).outcomes) == {"key1", "key2", "key3"}


def test_another_run_that_came_first_while_models_were_loading_is_noticed(url):
    first, second = Journal(url, MANIFEST), Journal(url, {"generator": {"model": "tiny", "steps": 20}})
    first.record(outcome(0))
    with pytest.raises(UsageError, match=r"holds another run: generator\.steps was 12, now 20"):
        second.record(outcome(1))
    assert set(Journal(url, MANIFEST).outcomes) == {"key0"}


def test_what_is_no_segment_is_let_be(tmp_path):
    Journal(str(tmp_path), MANIFEST).record(outcome(0))
    (tmp_path / "outcomes/.nfs0001").mkdir()
    (tmp_path / "outcomes/notes.txt").write_text("no record")
    again = Journal(str(tmp_path), MANIFEST)
    assert set(again.outcomes) == {"key0"} and not again.damaged
