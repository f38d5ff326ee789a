"""The lists of mutants are current: each text is there once, each test exists, and rooms are covered."""

import pytest

from benchmarks.mutants.__main__ import table
from benchmarks.mutants.bench import Bench, Verdict
from benchmarks.mutants.catalogue import ROOT, Mutant, broken, faults, read, rooms

MUTANTS = [mutant for room in rooms() for mutant in read(room)]
ROOMS = {"search", "sampling", "engine", "executors", "rewards", "evals"}


def test_every_mutant_changes_a_text_that_is_there_once_and_names_tests_that_exist():
    assert list(faults(MUTANTS)) == []


def test_there_are_many_in_every_room_and_few_may_live():
    assert len(MUTANTS) >= 200 and {m.file.split("/")[0] for m in MUTANTS} >= ROOMS
    assert sum(bool(m.lives) for m in MUTANTS) <= 0.03 * len(MUTANTS)
    assert all(len(m.lives.split()) >= 6 for m in MUTANTS if m.lives)


def test_what_is_wrong_with_a_list_is_told():
    good = Mutant("names", "names.py", "LONGEST = 80", "LONGEST = 8", ("tests/test_names.py",))
    assert not list(faults([good]))
    for change, told in (
        ({"was": "LONGEST"}, "occurs 3 times"),
        ({"was": "LONGEST = 81"}, "occurs 0 times"),
        ({"now": "LONGEST = 80"}, "changes nothing"),
        ({"file": "nomen.py"}, "there is no raysearch/nomen.py"),
        ({"tests": ("tests/test_names.py::test_nothing",)}, "there is no tests/test_names.py::test_nothing"),
    ):
        assert told in " ".join(faults([Mutant(**{**vars(good), **change})])), told
    assert not list(broken([good]))
    assert "is no Python" in next(broken([Mutant(**{**vars(good), "now": "LONGEST = ("})]))
    assert "stands here twice" in " ".join(faults([good, good]))


@pytest.mark.slow
def test_a_mutant_is_killed_by_a_test_that_fails_on_a_copy(tmp_path):
    bench, tests, path = Bench(tmp_path / "copy"), ("tests/test_names.py",), ROOT / "raysearch/names.py"
    before = path.read_bytes()
    for was, now, killed in (("cutoff=0.0", "cutoff=0.99", True), ("LONGEST = 80", "LONGEST = 80 + 0", False)):
        found = bench.judge(tests, Mutant("names", "names.py", was, now, tests))
        assert found.killed == killed and (not killed or "tests/test_names.py::test_" in found.by), found.by
        assert path.read_bytes() == before == (bench.folder / "raysearch/names.py").read_bytes()
    assert not bench.judge(tests).killed


def test_the_table_counts_and_names_the_survivors():
    mutants = [Mutant("r", "f.py", str(k), "b", ("t",), lives) for k, lives in enumerate(("", "", "it cannot"))]
    text = table({m: Verdict(k == 0, "t::test", 1.0) for k, m in enumerate(mutants)})
    assert "33.3% killed" in text and text.count("UNEXPLAINED") == 1 and "because it cannot" in text
