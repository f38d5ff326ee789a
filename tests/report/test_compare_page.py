"""The page of two runs side by side."""

import json

import pytest

from raysearch.cli import main
from raysearch.report import compare, compare_page, read, write
from tests.report.case import Page
from tests.report.test_compare import both as both  # the fixture


def test_table_json_and_page(both, capsys, tmp_path):
    one, two = map(str, both)
    write(one)
    assert main(["compare", one, two]) == 0
    shown = capsys.readouterr().out
    assert "trajectory error (px)" in shown and "better" in shown and "search.name: best_of_n -> smc" in shown
    page = Page((both[1] / "compare-one.html").read_text())
    labels = [v["aria-label"] for v in page.all("video")]
    assert labels[:3] == ["one, a", "two, a", "True future, a"] and len(labels) == 15
    assert [a["href"] for a in page.all("a")][:2] == ["../one/report.html", "#measures"]
    assert page.words.count("higher is better") and "Trajectory error (px, lower is better) of the chosen" in page.words
    assert [a["href"] for a in page.all("a")][-5:] == [f"#prompt-{n}" for n in "abcde"]
    assert main(["compare", one, two, "--json", "--html", str(tmp_path / "x.html")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["measures"][0]["change"] == pytest.approx(-1.2) and (tmp_path / "x.html").is_file()


def test_values_below_the_videos_of_a_prompt_have_as_many_digits_in_both_runs(both):
    page = Page(compare_page.page(compare.compare(*(read(str(r)) for r in both))))
    assert "error 4.00 px" in page.words and "error 3.00 px" in page.words
