"""The videos of the report."""

from __future__ import annotations

import math

from raysearch.moves import Result
from raysearch.prompts import Prompt
from raysearch.report import films, read
from raysearch.report.page import page as whole
from tests.report.case import FILM, Page, candidates, page, run_folder, search


def test_missing_films_and_films_that_were_not_kept(tmp_path, results):
    root = run_folder(tmp_path / "run", [search("a", results[0]), search("b", results[1], films=False)])
    for film in (root / "films").rglob("*.mp4"):
        film.unlink()
    (root / "best").mkdir()
    (root / "best" / "a.mp4").write_bytes(FILM)
    shown = page(root)
    assert [v["aria-label"] for v in shown.all("video") if "Chosen" in v["aria-label"]] == ["Chosen, a"]
    assert "film is missing" in shown.words and "film was not kept" in shown.words


def test_films_outside_the_folder_are_not_read(tmp_path, results):
    (tmp_path / "secret.mp4").write_bytes(FILM)
    entry = search("a", results[0], Prompt("a", "text only"), films=False)
    entry["films"] = {o.key: "../secret.mp4" for o in results[0].finals}
    assert not page(run_folder(tmp_path / "run", [entry])).all("video")


def test_videos_stop_at_the_limit(tmp_path):
    made = [
        search(f"p{i:03d}", Result.of_best(candidates([0.1, 0.2], [2.0, 1.0], tag=i)), Prompt(f"p{i:03d}", "text"))
        for i in range(200)
    ]
    row = 2 * math.ceil(len(FILM) / 3) * 4
    shown = page(run_folder(tmp_path / "run", made), limit=3.5 * row)
    assert sum(v["src"].startswith("data:") for v in shown.all("video")) == 6
    beside = [v for v in shown.all("video") if v["src"].startswith("films/")]
    assert len(beside) == 394 and {v["preload"] for v in beside} == {"none"}
    assert "394 videos of 197 prompts are taken from the run folder" in shown.words
    assert sum(a.get("class") == "row" for a in shown.all("article")) == 200
    assert films.LIMIT == 24e6
    alone = Page(whole(read(str(tmp_path / "run")), 3.5 * row, beside=False))
    assert len(alone.all("video")) == 6 and "394 videos of 197 prompts left out" in alone.words
