"""What stays on disk once a search is done: what the policy says, and nothing of it before."""

import base64
import json
import os

import numpy as np
import pytest

from raysearch import storage, videos
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Finished, Task
from raysearch.executors import Film
from raysearch.moves import Outcome, Result
from raysearch.runs.films import Films, StatePolicy, path
from raysearch.runs.provenance import Digests
from raysearch.sampling.state import State, Store
from raysearch.search import STRATEGIES
from tests.toy import PROMPTS, Toy


@pytest.mark.parametrize("run", ["local", "memory"])
@pytest.mark.parametrize("latents, left", [("best", {"b"}), ("finals", {"b", "c"}), ("none", set())])
def test_states_of_a_search_go_when_it_is_done_and_no_others(tmp_path, run, latents, left):
    url = str(tmp_path) if run == "local" else f"memory://{tmp_path}"
    store, tidy = Store(f"{url}/latents"), StatePolicy(url, latents)
    done, going = (Task(name, PROMPTS[0], iter(()), "s") for name in ("done", "going"))
    for key, task in {"a": done, "b": done, "c": done, "x": going}.items():
        store.save(key, State(np.zeros((1, 2), np.float32), 1))
        tidy.on_outcome(task, Outcome(key, 0.0), recalled=False)
    tidy.on_outcome(done, Outcome("never stored", 0.0), recalled=True)
    finals = (Outcome("c", 0.1), Outcome("b", 0.9))
    tidy.on_finish(Finished(done, Result.of_best(finals)))
    assert {key for key in "abcx" if store.load(key) is not None} == left | {"x"}
    tidy.on_finish(Finished(going, error="to be gone on with"))
    assert store.load("x") is not None


class Camera(Toy):
    """Its films are real ones."""

    def _answer(self, job):
        answer = super()._answer(job)
        return Film(job.key, videos.encode(np.zeros((2, 16, 16, 3), np.uint8), 8)) if job.move is None else answer


def test_written_films_are_not_kept_in_memory(tmp_path):
    todo = [Task(p.id, p, STRATEGIES["best_of_n"](0, 4, n=3), p.id) for p in PROMPTS]
    films = Films(str(tmp_path))
    done = Coordinator(Camera(0), Journal(str(tmp_path), {}), [films], "all", films.has).run(todo)
    for end in done:
        assert len(end.films) == 3 and set(end.films.values()) == {None}
        assert all((tmp_path / path(end.task, key)).stat().st_size for key in end.films)


def test_a_store_that_never_was_is_tidy_already(tmp_path):
    Store(str(tmp_path / "nothing")).drop(["a"])
    assert not (tmp_path / "nothing").exists()


def films_in(folder):
    return {path: path.read_bytes() for where in ("films", "best") for path in (folder / where).rglob("*.*")}


def test_what_is_there_is_not_written_again_and_what_is_damaged_is(tmp_path):
    def again():
        todo = [Task(p.id, p, STRATEGIES["best_of_n"](0, 4, n=3), p.id) for p in PROMPTS]
        films = Films(str(tmp_path))
        Coordinator(Camera(0), Journal(str(tmp_path), {}), [films], "all", films.has).run(todo)

    again()
    before = films_in(tmp_path)
    for file in before:
        os.utime(file, (0, 0))
    film, beside = (sorted((tmp_path / "films").rglob(f"*.{kind}"))[0] for kind in ("mp4", "json"))
    told = json.loads(beside.read_text())
    beside.write_text(json.dumps(told | {"reward": 0.0}))
    other = sorted((tmp_path / "films").rglob("*.mp4"))[-1]
    other.write_bytes(b"another film")
    again()
    assert films_in(tmp_path) == before
    written = {file for file in before if file.stat().st_mtime and file.parent.name != "best"}
    assert written == {beside, other, other.with_suffix(".json")} and film.stat().st_mtime == 0


def test_a_store_is_taken_at_its_word(tmp_path, monkeypatch):
    """Where it says the MD5 of an object, that is not read; where it says another, it is read and counts if right."""
    url = f"memory://{tmp_path}"
    task, read = Task("a", PROMPTS[0], iter(()), "s"), []
    film = f"{url}/{path(task, 'key')}"
    storage.write(film, b"film")
    digests = Digests.of(b"film")
    told = {"key": "key", "video": {"fps": 8}, "sha256": digests.sha256, "md5": digests.md5}
    storage.write(film.replace(".mp4", ".json"), json.dumps(told))
    real = storage.read
    monkeypatch.setattr(storage, "read", lambda path: read.append(str(path)) or real(path))
    fs = storage.locate(film)[0]
    in_parts = {"ETag": '"d41d8cd98f00b204e9800998ecf8427e-3"'}
    for said, reads in (({"ETag": f'"{digests.md5}"'}, 0), (in_parts, 1), ({}, 1),
                        ({"md5Hash": base64.b64encode(bytes.fromhex(digests.md5)).decode()}, 0)):  # fmt: skip
        monkeypatch.setattr(type(fs), "info", lambda self, path, said=said: {"name": path, **said})
        read.clear()
        assert Films(url).has(task, "key") and read.count(film) == reads, said
    storage.write(film, b"mlif")
    monkeypatch.setattr(type(fs), "info", lambda self, path: {"name": path, "ETag": Digests.of(b"mlif").md5})
    assert not Films(url).has(task, "key")
