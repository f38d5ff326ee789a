"""lambda, ESS and roots by read."""

from raysearch.moves import Result
from raysearch.report import read, reads
from tests.report.case import Page, candidates, run_folder, search


def run(root, prompts):
    notes = {"lambda": [1.0, 2.0], "ess": [2.5, 1.5], "roots_left": [3, 1], "reads": [4, 12]}
    made = [
        search(f"p{i}", Result(candidates([0.1, 0.2], tag=i), 1, (-0.7, -0.7), -1.0, notes | {"ess": [2.5, 1.5 + i]}))
        for i in range(prompts)
    ]
    return read(str(run_folder(root, made, strategy="smc")))


def test_three_plots_with_a_line_for_each_of_few_prompts_and_a_band_for_many(tmp_path):
    few, many = (Page(str(reads.plots(run(tmp_path / str(n), n)))) for n in (3, 12))
    assert len(few.all("svg")) == len(many.all("svg")) == 3
    assert len(few.all("polyline")) == 5 and not few.all("polygon") and "The same for all prompts" in few.words
    assert len(many.all("polyline")) == 3 and len(many.all("polygon")) == 1 and "median of 12 prompts" in many.words
    assert [p["class"] for p in few.all("polyline")] == ["series s0", *(f"series s{i}" for i in range(3)), "series s0"]
    assert few.words.startswith("p0 p1 p2 ") and "p0" not in many.words
    assert [c["cx"] for c in few.all("circle")[:2]] == ["82.0", "446.0"]  # steps 4 and 12, the ends of the axis


def test_a_search_without_reads_has_no_plots(tmp_path, results):
    assert reads.plots(read(str(run_folder(tmp_path / "r", [search("a", results[0])])))) is None
