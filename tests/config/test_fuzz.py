"""A short seeded part of `python -m benchmarks.fuzz.jobs`: broken jobs are right, or refused in one line."""

import importlib
import json
import os
import subprocess
import sys
import threading
import time

import psutil
import pytest

from benchmarks.fuzz import jobs
from benchmarks.fuzz.forks import Ended, fork, fresh, prepare, single
from benchmarks.fuzz.page import JSON, PAGE, page
from benchmarks.fuzz.table import AGAIN, Table, keep


def test_broken_job_files_and_command_lines():
    table = jobs.fuzz(12, 18, seed=7, share=0.0)
    assert not table.bad, table.text()


def test_the_judge_sees_what_must_not_be(tmp_path, monkeypatch):
    base = jobs.BASE.format(run=tmp_path / "run")
    text = jobs.Case("x", base, ("generator.negative_prompt=no",), key="generator.negative_prompt", value="no")
    assert jobs.judge(text, tmp_path)[0] == "right"
    assert jobs.judge(jobs.Case("x", base, ("films=best",), key="films", value="all"), tmp_path)[0] == "silently wrong"
    assert jobs.judge(jobs.Case("x", base, refuse=True), tmp_path)[0] == "silently wrong"
    monkeypatch.setattr(jobs, "LIMIT_S", 1.0)
    for act, verdict in ((lambda words: 1 / 0, "traceback"), (lambda words: os.kill(os.getpid(), 9), "crash"),
                         (lambda words: time.sleep(60), "hang")):  # fmt: skip
        monkeypatch.setattr(jobs, "command_line", act)
        assert jobs.judge(jobs.Case("x", base), tmp_path)[0] == verdict


def test_the_table_counts_and_shows_examples():
    table = Table()
    table.add("kind", "right")
    table.add("kind", "hang", "an example")
    assert table.bad == 1 and "an example" in table.text()


def test_the_page_holds_what_was_kept(tmp_path):
    table, file = Table(), tmp_path / "fuzz.json"
    for verdict in ("right", "right", "hang"):
        table.add("a kind", verdict)
    keep(file, "media", table, {"count": 3, "seed": 5})
    keep(file, "jobs", Table(), {"files": 0, "seed": 5})
    text = page(json.loads(file.read_text()))
    assert (
        "In all 3 inputs, 0 of them given to both: 1 of them neither right nor clear." in text
        and "`--count 3 --seed 5`" in text
    )
    assert "| a kind | 2 | 0 | 0 | 1 | 0 | 0 |" in text and text.count("Not run yet") == 2


def test_the_page_is_that_of_the_figures():
    assert PAGE.read_text() == page(json.loads(JSON.read_text()))


def test_a_fork_is_a_process_of_its_own(tmp_path):
    def act():
        print(os.getcwd(), os.environ["WHERE"], os.getsid(0) == os.getpid())
        print("raysearch: so", file=sys.stderr)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(input("asked"))

    ended = fork(lambda: act() or 3, tmp_path, 60.0, {"WHERE": "there"})
    assert (ended.code, ended.fault) == (1, "traceback") and "EOFError" in ended.err, "standard input is empty"
    assert ended.out.startswith(f"{tmp_path}/here there True") and ended.lines == ["raysearch: so"]
    left = [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] and str(tmp_path) in p.info["cwd"]]
    assert [p for p in left if p.status() != psutil.STATUS_ZOMBIE] == [], "what it began has ended with it"
    assert os.getcwd() != f"{tmp_path}/here" and "WHERE" not in os.environ


@pytest.mark.parametrize("code, fault", [(0, None), (1, None), (2, None), (3, "crash"), (-9, "crash"), (None, "hang")])
def test_what_no_input_may_end_with(code, fault):
    assert Ended(code, "", "").fault == fault
    assert Ended(code, "", "Traceback (most recent call last)").fault == ("hang" if code is None else "traceback")


@pytest.mark.slow
def test_a_fresh_interpreter_comes_to_the_same(tmp_path):
    base = jobs.BASE.format(run=tmp_path / "run")
    for words, verdict in ((("search.n=-1",), "clear"), (("search.n=2",), "right")):
        forked, anew = (jobs.judge(jobs.Case("x", base, words), tmp_path, way) for way in (jobs.FORK, jobs.FRESH))
        assert forked[0] == verdict and forked == anew, (forked, anew)
    assert fresh(["raysearch.cli", "--nothing"], tmp_path, 60.0).code == 2
    assert fresh(["timeit", "-n1", "-r1", "import time; time.sleep(600)"], tmp_path, 1.0).fault == "hang"


def test_two_ways_that_differ_are_no_success():
    table, clear = Table(), ("clear", Ended(2, "", "raysearch: a\n"))
    table.again(clear, ("clear", Ended(2, "more", "raysearch: a\n")))
    assert not table.bad
    for other in (
        ("right", Ended(0, "", "")),
        ("clear", Ended(2, "", "raysearch: b\n")),
        ("hang", Ended(None, "", "")),
    ):
        table.again(clear, other)
    counts = table.counts[AGAIN]
    assert (counts["clear"], counts["silently wrong"], counts["hang"]) == (1, 2, 1)


def test_imports_are_made_once(tmp_path):
    module = tmp_path / "imported_once.py"
    module.write_text("")
    sys.path.insert(0, str(tmp_path))
    try:
        prepare(lambda: 0 * len(importlib.import_module("imported_once").__name__), tmp_path)
        assert "imported_once" in sys.modules
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("imported_once", None)
    with pytest.raises(RuntimeError, match="ended with 3: no"):
        prepare(lambda: print("no") or 3, tmp_path)


def test_a_process_with_threads_is_not_forked():
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    with pytest.raises(RuntimeError, match="threads before the first fork"):
        single()
    over.set()
    other.join()
