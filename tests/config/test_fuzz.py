"""A short seeded part of `python -m benchmarks.fuzz.jobs`: broken jobs are right, or refused in one line."""

from benchmarks.fuzz import jobs
from benchmarks.fuzz.table import Table


def test_broken_job_files_and_command_lines():
    table = jobs.fuzz(12, 18, seed=7)
    assert not table.bad, table.text()


def test_the_judge_sees_what_must_not_be(tmp_path, monkeypatch):
    base = jobs.BASE.format(run=tmp_path / "run")
    text = jobs.Case("x", base, ("generator.negative_prompt=no",), key="generator.negative_prompt", value="no")
    assert jobs.judge(text, tmp_path)[0] == "right"
    assert jobs.judge(jobs.Case("x", base, ("films=best",), key="films", value="all"), tmp_path)[0] == "silently wrong"
    assert jobs.judge(jobs.Case("x", base, refuse=True), tmp_path)[0] == "silently wrong"
    monkeypatch.setattr(jobs, "LIMIT_S", 1.0)
    for act, verdict in ((lambda words: 1 / 0, "traceback"), (lambda words: jobs.os.kill(jobs.os.getpid(), 9), "crash"),
                         (lambda words: jobs.time.sleep(60), "hang")):  # fmt: skip
        monkeypatch.setattr(jobs, "command_line", act)
        assert jobs.judge(jobs.Case("x", base), tmp_path)[0] == verdict


def test_the_table_counts_and_shows_examples():
    table = Table()
    table.add("kind", "right")
    table.add("kind", "hang", "an example")
    assert table.bad == 1 and "an example" in table.text()
