"""States on disk: bit for bit, and what cannot be read counts as absent."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import save

from raysearch import storage
from raysearch.sampling.state import State, Store


def state(*kept: str) -> State:
    x = np.random.default_rng(0).standard_normal((1, 9, 4)).astype(np.float32)
    return State(x, 7, (3, 1, 2), *(x * n if name in kept else None for n, name in ((2, "x0"), (3, "last"))))


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    return Store(str(tmp_path / "latents") if request.param == "local" else f"memory://{tmp_path.name}/latents")


@pytest.mark.parametrize("kept", [(), ("x0",), ("x0", "last")], ids=str)
def test_round_trip(store, kept):
    store.save("a", state(*kept))
    found = store.load("a")
    assert (found.step, found.seed) == (7, (3, 1, 2)) and found.x.dtype == np.float32
    for name in ("x", "x0", "last"):
        there, was = getattr(found, name), getattr(state(*kept), name)
        assert np.array_equal(there, was) if name == "x" or name in kept else there is was is None
    assert found.nbytes == (1 + len(kept)) * found.x.nbytes


def test_a_state_whose_preview_lags_a_step_counts_as_absent(store):
    """As journal format 1 wrote them: x0 was that of the step before."""
    meta = {"state": json.dumps({"step": 7, "smooth": True})}
    store._fs.makedirs(store._root, exist_ok=True)
    store._fs.pipe_file(store._path("a"), save({"x": state().x, "x0": state().x}, meta))
    assert store.load("a") is None


def test_the_same_state_has_the_same_bytes():
    assert len({state("x0", "last").to_bytes("a") for _ in range(20)}) == 1
    assert state().to_bytes("a") != state().to_bytes("b") != state("x0").to_bytes("b")


def test_absent_and_dropped(store):
    assert store.load("a") is None
    store.save("a", state())
    store.drop(["a", "never there"])
    assert store.load("a") is None


@pytest.mark.parametrize("cut", [0, 5, 100, -3])
def test_a_damaged_file_counts_as_absent(tmp_path, cut):
    store = Store(str(tmp_path))
    store.save("a", state())
    path = tmp_path / "a.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    assert store.load("a") is None


def test_any_changed_byte_counts_as_absent(tmp_path):
    store = Store(str(tmp_path))
    store.save("a", state())
    path = tmp_path / "a.safetensors"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        assert store.load("a") is None, at
    path.write_bytes(whole)
    assert store.load("a") is not None


def test_the_state_of_another_key_counts_as_absent(store):
    store.save("a", state())
    store.save("b", state())
    storage.write(f"{store.url}/a.safetensors", storage.read(f"{store.url}/b.safetensors"))
    assert store.load("a") is None and store.load("b") is not None


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda p: os.symlink(p, p)], ids=["pipe", "folder", "loop"])
def test_what_is_no_file_counts_as_absent_and_can_be_dropped(tmp_path, make):
    make(tmp_path / "a.safetensors")
    store = Store(str(tmp_path))
    assert store.load("a") is None
    store.drop(["a"])
    assert not os.path.lexists(tmp_path / "a.safetensors")


def test_nothing_half_written_stays(tmp_path):
    store = Store(str(tmp_path))
    store.save("a", state())
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_two_writers_of_one_state_never_meet(tmp_path):
    """A hedge: both replicas save the same state to storage that all nodes see."""
    store, large = Store(str(tmp_path)), State(np.zeros((1, 100_000), np.float32), 3)
    store.save("a", large)
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(lambda: [store.save("a", large) for _ in range(100)]) for _ in range(2)]
        reader = pool.submit(lambda: [store.load("a") is None for _ in range(400)])
        assert [len(writer.result()) for writer in writers] == [100, 100] and not any(reader.result())
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_what_a_killed_writer_left_is_dropped_with_its_state(tmp_path):
    store = Store(str(tmp_path))
    store.save("a", state())
    (tmp_path / ".a.0123abcd.partial").write_bytes(b"half")
    (tmp_path / ".b.0123abcd.partial").write_bytes(b"half")
    store.drop(["a"])
    assert [p.name for p in tmp_path.iterdir()] == [".b.0123abcd.partial"]


def test_a_folder_is_told_from_another_of_the_same_name_by_its_mark(tmp_path):
    """As a node does that may have a folder of this path of its own."""
    mine, other = Store(f"{tmp_path}/mine/latents"), Store(f"{tmp_path}/other/latents")
    token = mine.mark()
    assert mine.marked(token) and not mine.marked("another", patience_s=0)
    assert not other.marked(token, patience_s=0)
    assert other.mark() != token and not other.marked(token, patience_s=0)
    mine.unmark()
    assert not mine.marked(token, patience_s=0) and not (tmp_path / "mine/latents").exists()
    (tmp_path / "other/latents/state.safetensors").write_bytes(b"kept")
    other.unmark()
    assert (tmp_path / "other/latents/state.safetensors").exists()
