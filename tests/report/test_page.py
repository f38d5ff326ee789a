"""The page of a run, whole."""

from __future__ import annotations

from raysearch.moves import Result
from raysearch.prompts import Prompt
from tests.report.case import candidates, page, run_folder, search


def test_page_is_whole_and_asks_no_network(tmp_path, results):
    root = run_folder(tmp_path / "run", [search(n, r) for n, r in zip("ab", results, strict=True)])
    shown = page(root)
    assert not list(root.glob(".*.partial"))
    source = (root / "report.html").read_text()
    assert "http://" not in source and "https://" not in source and "@import" not in source and "url(" not in source
    assert {a["src"][:22] for _, a in shown.tags if "src" in a} == {"data:video/mp4;base64,"}
    beside = {a["href"] for _, a in shown.tags if "href" in a and not a["href"].startswith("#")}
    assert beside == {"candidates.csv", "result.json", "config.yaml", "films/"}
    ids = {a["id"] for _, a in shown.tags if "id" in a}
    assert {a["href"][1:] for _, a in shown.tags if a.get("href", "").startswith("#")} <= ids
    labels = [v["aria-label"] for v in shown.all("video")]
    assert labels[:3] == ["Given, a", "True future, a", "Chosen, a"]
    assert all(s.get("aria-label") or s.get("aria-hidden") for s in shown.all("svg"))
    for text in (
        "2 prompts only",
        "too few prompts",
        "1 min 15 s",
        "5 executed, 7 recalled",
        "cafe",
        "name: best_of_n",
    ):
        assert text in shown.words
    assert shown.words.count("not scored") == 0 and "nan" not in shown.words


def test_text_is_escaped(tmp_path, results):
    evil = "<img src=x onerror=alert(1)>&\"'"
    entries = [
        search("a", results[0], Prompt("a", evil)),
        search("b", None, Prompt("b", evil), error=evil),
    ]
    entries[0]["notes"] = {evil: [evil]}
    shown = page(run_folder(tmp_path / "run", entries))
    assert not shown.all("img") and len(shown.all("script")) == 2
    assert shown.words.count(evil) == 4 and "note: <script>" in shown.words


def test_run_without_truth(tmp_path):
    made = [
        search(f"p{i}", Result.of_best(candidates([0.1, 0.2 + i / 10], motions=[4.0, 4.0])), Prompt(f"p{i}", "text"))
        for i in range(5)
    ]
    shown = page(run_folder(tmp_path / "run", made))
    assert "raised the mean search reward" in shown.words and "No truth was measured" in shown.words
    assert "True future" not in shown.words and "Search reward and motion" in shown.words
