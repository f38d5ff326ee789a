"""What stays on disk once a search is done: what the policy says, and nothing of it before."""

import numpy as np
import pytest

from raysearch.coordinator import Finished, Task
from raysearch.latents import State, Store
from raysearch.moves import Outcome, Result
from raysearch.shelf import Tidy
from tests.toy import PROMPTS


@pytest.mark.parametrize("run", ["local", "memory"])
@pytest.mark.parametrize("latents, left", [("best", {"b"}), ("finals", {"b", "c"}), ("none", set())])
def test_states_of_a_search_go_when_it_is_done_and_no_others(tmp_path, run, latents, left):
    url = str(tmp_path) if run == "local" else f"memory://{tmp_path}"
    store, tidy = Store(f"{url}/latents"), Tidy(url, latents)
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


def test_a_store_that_never_was_is_tidy_already(tmp_path):
    Store(str(tmp_path / "nothing")).drop(["a"])
    assert not (tmp_path / "nothing").exists()
