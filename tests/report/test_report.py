"""The report: its numbers against hand computation, its page against what a run folder can hold."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from raysearch import videos
from raysearch.errors import UsageError
from raysearch.moves import Cost, Outcome, Result, digest, encode
from raysearch.prompts import Prompt
from raysearch.report import films, markup, reading, statistics, story, write

ERROR = statistics.ERROR
FILM = videos.encode(np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3), dtype=np.uint8), 8.0, enlarge=False)


def candidates(rewards, errors=None, motions=None, tag=""):
    """Outcomes with these rewards; trajectory errors and motions where given."""
    found = []
    for i, reward in enumerate(rewards):
        measured = {"vjepa2": reward}
        if errors is not None:
            measured |= {"tinyworld_truth": -errors[i], ERROR: errors[i]}
        if motions is not None:
            measured["motion"] = motions[i]
        found.append(Outcome(digest([tag, i]), reward, measured, 0.0, Cost(12, 1, 0.5, 0.25)))
    return tuple(found)


def search(name, result, prompt=None, films=True, error=None):
    """One entry of result.json, as `raysearch.runs.summary` writes it."""
    prompt = prompt or Prompt(name, "a ball", scene="one_ball", scene_seed=0)
    paths = {o.key: f"films/{name}/{o.key[:12]}.mp4" for o in result.finals} if result and films else {}
    entry = {
        "name": name,
        "prompt": asdict(prompt),
        "error": error,
        "cost": asdict(Cost(24, 2, 1.0, 0.5)),
        "films": paths,
    }
    return entry | (asdict(result) | {"hash": result.digest()} if result else {})


def run_folder(root: Path, searches, strategy="best_of_n", film=FILM) -> Path:
    pool = {"replicas": 1, "alive": 1, "busy": 0, "queue": 0, "restarts": 3, "busy_s": 1.5}
    result = {
        "hash": "cafe", "searches": searches, "reward": "vjepa2", "versions": {"raysearch": "0.1.0"},
        "budget": {"recalled": 7, "executed": 5, "shared": 0, "rebuilt": 1, "cost": asdict(Cost(60, 5, 3.0, 1.0)),
                   "pools": {"generators": pool}, "seconds": 75.0, "damaged": 0},
    }  # fmt: skip
    root.mkdir(parents=True, exist_ok=True)
    (root / "result.json").write_text(json.dumps(encode(result), allow_nan=False))
    (root / "config.yaml").write_text(
        f"seed: 3\nsearch:\n  name: {strategy}\n  note: <script>\ngenerator:\n  fps: 8.0\n"
    )
    for entry in searches:
        for path in entry["films"].values():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(film)
    return root


class Page(HTMLParser):
    """Collects tags and text; fails on a tag that is closed out of order."""

    def __init__(self, source: str):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in markup.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def page(root: Path, **options) -> Page:
    return Page(write(str(root), **options).read_text(encoding="utf-8"))


@pytest.fixture
def results():
    """Two prompts of three candidates; chosen are slots 1 and 2."""
    a = Result.of_best(candidates([0.1, 0.3, 0.2], [4.0, 1.0, 3.0], tag="a"))
    b = Result.of_best(candidates([0.2, 0.1, 0.4], [2.0, 5.0, 3.0], tag="b"))
    return [a, b]


def test_rows_equal_hand_computation(results):
    row = statistics.row(results, statistics.measure(ERROR))
    assert (row.first, row.chosen, row.oracle, row.prompts) == (3.0, 2.0, 1.5, 2)
    assert row.random == pytest.approx((8 / 3 + 10 / 3) / 2)
    assert row.change == pytest.approx(((1 - 8 / 3) + (3 - 10 / 3)) / 2)
    assert row.rho == pytest.approx((-1.0 + -0.5) / 2)
    assert row.low == pytest.approx(1 - 8 / 3) and row.high == pytest.approx(3 - 10 / 3)  # one prompt drawn twice
    assert row.verdict == ""  # two prompts claim nothing
    reward = statistics.row(results, statistics.measure(None))
    assert (reward.first, reward.chosen) == (pytest.approx(0.15), pytest.approx(0.35)) and math.isnan(reward.oracle)


def test_oracle_and_direction_follow_the_measure():
    better = {k: statistics.measure(k).better for k in (None, ERROR, "tinyworld_truth.spatial_iou", "motion")}
    assert list(better.values()) == [1, -1, 1, 0]
    assert statistics.measure("vjepa2.surprise_0").better == -1
    assert statistics.measure("vlm").better == 1 and statistics.measure("vlm.tokens").better == 0
    iou = "tinyworld_truth.spatial_iou"
    finals = tuple(Outcome(str(i), r, {iou: v}) for i, (r, v) in enumerate([(0.2, 0.3), (0.1, 0.9)]))
    assert statistics.row([Result.of_best(finals)], statistics.measure(iou)).oracle == 0.9


def test_spearman_ties_and_constants():
    assert statistics.spearman(np.array([1.0, 2, 3, 4]), np.array([10.0, 20, 30, 40])) == pytest.approx(1)
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5)
    assert statistics.spearman(np.array([1.0, 2, 2, 3]), np.arange(4.0)) == pytest.approx(4.5 / math.sqrt(22.5))
    assert math.isnan(statistics.spearman(np.ones(4), np.arange(4.0)))
    assert math.isnan(statistics.spearman(np.array([1.0, 2, np.nan]), np.arange(3.0)))


def test_interval_agrees_with_the_normal_one_and_is_repeatable():
    x = np.random.default_rng(1).normal(2.0, 1.0, 200)
    low, high = statistics.interval(x)
    half = 1.96 * x.std() / math.sqrt(200)
    assert low == pytest.approx(x.mean() - half, abs=0.02) and high == pytest.approx(x.mean() + half, abs=0.02)
    assert (low, high) == statistics.interval(x)
    assert all(math.isnan(v) for v in statistics.interval(x[:1]))


def test_curve_runs_from_random_choice_to_the_chosen(results):
    curve = statistics.curve(results, statistics.measure(ERROR))
    assert curve.n == (1, 2, 3)
    assert curve.mean[0] == pytest.approx(3.0) and curve.mean[-1] == 2.0 and curve.oracle[-1] == 1.5
    # prompt a, pairs: (0.3 beats all) 1, 1, else 3 -> 5/3; prompt b: 3, 3, else 2 -> 8/3
    assert curve.mean[1] == pytest.approx((5 / 3 + 8 / 3) / 2)
    assert curve.low[0] == curve.high[0] == pytest.approx(3.0)  # the interval is of the difference from n = 1


def test_curve_counts_only_sets_with_a_scored_draw():
    r = Result.of_best(candidates([0.1, math.nan, 0.3, 0.2], [4.0, 9.0, 1.0, 3.0]))
    curve = statistics.curve([r], statistics.measure(ERROR))
    assert curve.n == (1, 2, 4) and curve.mean[0] == pytest.approx(8 / 3) and curve.mean[-1] == 1.0
    mostly = Result.of_best(candidates([0.1, math.nan, math.nan, math.nan], [1.0] * 4))
    assert statistics.curve([mostly], statistics.measure(ERROR)) is None
    assert statistics.curve([r, mostly], statistics.measure(ERROR)).short == 1


def test_headline_claims_no_more_than_the_interval(tmp_path):
    def told(gain, noise):
        rng = np.random.default_rng(0)
        made = []
        for p in range(8):
            other = 3.0 + noise * rng.normal()
            made.append(
                search(f"p{p}", Result.of_best(candidates([0.1, 0.2], [other + gain, other], tag=p)), films=False)
            )
        run = reading.read(str(run_folder(tmp_path / f"{gain}-{noise}", made)))
        return story.headline(run, story.leading([statistics.row(run.results, statistics.measure(ERROR))]))

    assert told(1.0, 0.0) == "Best of 2 lowered the mean trajectory error from 3.50 to 3.00 px on 8 held-out scenes"
    assert told(-1.0, 0.0).startswith("Best of 2 raised the mean trajectory error from 2.50 to 3.00 px")
    assert "did not clearly change" in told(0.0, 1.0)


def test_page_is_whole_and_asks_no_network(tmp_path, results):
    root = run_folder(tmp_path / "run", [search(n, r) for n, r in zip("ab", results, strict=True)])
    shown = page(root)
    assert not list(root.glob(".*.partial"))
    source = (root / "report.html").read_text()
    assert "http://" not in source and "https://" not in source and "@import" not in source and "url(" not in source
    assert {a["src"][:22] for _, a in shown.tags if "src" in a} == {"data:video/mp4;base64,"}
    assert not [a for _, a in shown.tags if "href" in a]
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
    assert not shown.all("img") and len(shown.all("script")) == 1
    assert shown.words.count(evil) == 4 and "note: <script>" in shown.words


def test_nan_is_not_scored_and_left_out(tmp_path):
    result = Result.of_best(candidates([math.nan, 0.3, 0.2], [1.0, 2.0, 4.0], [5.0, 5.0, 5.0]))
    row = statistics.row([result], statistics.measure(ERROR))
    assert row.random == 3.0 and row.oracle == 2.0 and math.isnan(row.first)
    shown = page(run_folder(tmp_path / "run", [search("a", result)]))
    assert "1 candidate not scored" in shown.words and "1 of 3 candidates could not be scored" in shown.words


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


def test_run_without_truth(tmp_path):
    made = [
        search(f"p{i}", Result.of_best(candidates([0.1, 0.2 + i / 10], motions=[4.0, 4.0])), Prompt(f"p{i}", "text"))
        for i in range(5)
    ]
    shown = page(run_folder(tmp_path / "run", made))
    assert "raised the mean search reward" in shown.words and "No truth was measured" in shown.words
    assert "True future" not in shown.words and "Search reward and motion" in shown.words


def test_failed_searches_are_told(tmp_path, results):
    lost = search("lost", None, error="no candidate has a reward")
    shown = page(run_folder(tmp_path / "some", [search("a", results[0]), lost]))
    assert "1 of 2 searches failed" in shown.words and "no candidate has a reward" in shown.words
    shown = page(run_folder(tmp_path / "none", [lost]))
    assert "No search finished: 1 of 1 prompt failed" in shown.words


def test_infinite_rewards_leave_nothing_to_compare(tmp_path):
    shown = page(run_folder(tmp_path / "run", [search("a", Result(candidates([-math.inf, -math.inf]), 0))]))
    assert "no candidate of 1 prompt has a finite reward" in shown.words


def test_a_chosen_video_that_stands_still_is_flagged(tmp_path):
    result = Result.of_best(candidates([0.1, 0.3, 0.2], motions=[5.0, 1.0, 4.0]))
    assert statistics.frozen(result) == 0.25
    assert statistics.frozen(Result.of_best(candidates([0.1, 0.3], motions=[5.0, 4.0]))) is None
    shown = page(run_folder(tmp_path / "run", [search("a", result)]))
    assert "Nearly still: moves 25 % as much" in shown.words and "won by standing still" in shown.words


def test_weighted_result_shows_weights_and_log_z(tmp_path):
    finals = candidates([0.1, 0.3], [2.0, 1.0])
    notes = {"lambda": [0.0, 1.0, 2.0], "ancestors": [[0, 1], [1, 1]], "n": 2}
    result = Result(finals, 1, (math.log(0.25), math.log(0.75)), -1.5, notes)
    shown = page(run_folder(tmp_path / "run", [search("a", result)], strategy="smc"))
    for text in ("log Z", "−1.5000", "ESS 1.6 of 2", "0.250, 0.750", "[[0, 1], [1, 1]]", "no independent draws"):
        assert text in shown.words
    assert "Best of N" not in shown.words


def test_videos_stop_at_the_limit(tmp_path):
    made = [
        search(f"p{i:03d}", Result.of_best(candidates([0.1, 0.2], [2.0, 1.0], tag=i)), Prompt(f"p{i:03d}", "text"))
        for i in range(200)
    ]
    row = 2 * math.ceil(len(FILM) / 3) * 4
    shown = page(run_folder(tmp_path / "run", made), limit=3.5 * row)
    assert len(shown.all("video")) == 6 and "394 videos of 197 prompts left out" in shown.words
    assert sum(a.get("class") == "row" for a in shown.all("article")) == 200
    assert films.LIMIT == 40e6


def test_wrong_folders_are_usage_errors(tmp_path):
    with pytest.raises(UsageError, match="give the folder of a finished run"):
        write(str(tmp_path))
    for text in ("{", "[]", '{"searches": [{}], "hash": "", "reward": ""}'):
        (tmp_path / "result.json").write_text(text)
        with pytest.raises(UsageError, match=r"result\.json is not one"):
            write(str(tmp_path))
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("value", "places", "sign", "text"),
    [(1234.5, None, False, "1,234"), (-0.0123, None, False, "−0.0123"), (0.5, 2, True, "+0.50"),
     (-0.001, 2, True, "0.00"), (math.nan, None, False, "not scored"), (-math.inf, None, False, "−∞")],
)  # fmt: skip
def test_numbers(value, places, sign, text):
    assert markup.number(value, places, sign) == text


def test_import_is_light():
    code = "import sys, raysearch.report; print(*{'torch', 'ray', 'matplotlib'} & set(sys.modules))"
    assert not subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
