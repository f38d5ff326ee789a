"""Reports of runs in folders and at URLs."""

import fsspec
import pytest

from raysearch import config, runs
from raysearch.errors import UsageError
from raysearch.report.remote import publish

WORDS = ["generator={name: 'examples.clockwork:load', model: clockwork, steps: 2, fps: 8}", "reward=motion", "watch=[]",
         "prompts={items: [{id: a, text: a ball}], heldout: 0}", "search.n=2", "cluster.executor=inline"]  # fmt: skip


@pytest.fixture
def bucket():
    fs = fsspec.filesystem("memory")
    yield fs
    fs.rm("/bucket", recursive=True)


def test_the_page_of_a_run_at_a_url_is_that_of_its_copy(tmp_path, bucket):
    folder = tmp_path / "one"
    runs.run(config.load("jobs/demo.yaml", [*WORDS, f"run={folder}"]))
    bucket.put(str(folder), "/bucket/one", recursive=True)
    here, _ = publish(str(folder))
    there, _ = publish("memory://bucket/one")
    assert there == "memory://bucket/one/report.html"
    assert bucket.cat_file("/bucket/one/report.html") == (folder / "report.html").read_bytes()
    assert here == str(folder / "report.html")


def test_a_folder_without_a_run_is_refused(tmp_path, bucket):
    bucket.pipe_file("/bucket/empty/x", b"")
    for run in (str(tmp_path), "memory://bucket/empty"):
        with pytest.raises(UsageError, match=r"result\.json"):
            publish(run)
