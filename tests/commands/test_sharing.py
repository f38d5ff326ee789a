"""`raysearch compare` and `raysearch export`."""

import pytest

from raysearch.cli import main
from tests.report.case import run_folder, search
from tests.report.conftest import results as results  # the fixture


@pytest.fixture
def folder(tmp_path, results):
    return run_folder(tmp_path / "run", [search(n, r) for n, r in zip("ab", results, strict=True)])


def test_export_says_what_it_lacks(folder, capsys):
    assert main(["export", str(folder)]) == 2 and "give --csv FILE" in capsys.readouterr().err
    assert main(["export", str(folder), "--csv", "x", "--all"]) == 2 and "--videos DIR" in capsys.readouterr().err


def test_export_to_standard_output_and_files(folder, capsys, tmp_path):
    assert main(["export", str(folder), "--csv", "-"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 7
    assert (
        main(["export", str(folder), "--csv", str(tmp_path / "c.csv"), "--videos", str(tmp_path / "v"), "--all"]) == 0
    )
    out = capsys.readouterr().out
    assert "6 candidates" in out and "6 videos" in out and len(list((tmp_path / "v").iterdir())) == 6


def test_what_cannot_be_written_is_one_clear_line(folder, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    for words in (["export", str(folder), "--videos", str(tmp_path / "file")],
                  ["export", str(folder), "--csv", str(tmp_path)],
                  ["compare", str(folder), str(folder), "--html", str(tmp_path)]):  # fmt: skip
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert out == "" and len(err.splitlines()) == 1 and "cannot be written" in err


def test_a_run_is_compared_with_itself(folder, capsys):
    assert main(["compare", str(folder), str(folder)]) == 0
    out = capsys.readouterr().out
    assert "too few prompts to tell" in out and "page: " in out
