"""The index of many prompts."""

from raysearch.moves import Result
from raysearch.report import index, read
from tests.report.case import Page, candidates, run_folder, search


def test_a_line_for_each_prompt_with_a_link_to_its_videos(tmp_path):
    made = [
        search(f"p{i}", Result.of_best(candidates([0.1, 0.2 + i], [4.0, 2.0], [5.0, 1.0], tag=i))) for i in range(6)
    ]
    shown = Page(str(index.index(read(str(run_folder(tmp_path / "run", made))))))
    assert [a["href"] for a in shown.all("a")] == [f"#prompt-p{i}" for i in range(6)]
    assert "Reward" in shown.words and "Trajectory error, px" in shown.words and "\u22121.00" in shown.words
    assert shown.words.count("Nearly still") == 6
    assert index.index(read(str(run_folder(tmp_path / "few", made[:3])))) is None
