"""The files beside a page."""

from raysearch.report import downloads, export, read
from tests.report.case import Page, run_folder, search


def test_only_what_is_there_is_linked_to(tmp_path, results):
    run = read(str(run_folder(tmp_path / "run", [search("a", results[0])])))
    before = Page(str(downloads.beside(run)))
    assert [a["href"] for a in before.all("a")] == ["result.json", "config.yaml", "films/"]
    downloads.write(run)
    after = Page(str(downloads.beside(run)))
    assert next(a["href"] for a in after.all("a")) == "candidates.csv"
    assert (run.folder / "candidates.csv").read_text() == export.to_csv(run)
