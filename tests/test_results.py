"""`make results`: its tables on candidates whose values are known, and the page that shows them."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.results import elsewhere, page, tables
from benchmarks.results.arms import ARMS, POOL, settings

ROOT, SCENES = Path(__file__).parents[1], 6


def row(scene: int, arm: str) -> dict:
    """The reward orders candidates as the truth does; every other verifier orders them the other way."""
    n = {"pool": POOL, "likephys": ARMS["likephys"]["n"], "guided": 2}.get(arm, 1)
    good = np.arange(n) + scene
    finals = {m: [float(v) for v in good] for m in ("reward", "motion", "spatiotemporal_iou")}
    finals |= {m: [float(100 - v) for v in good] for m in ("trajectory_error", "mse", "violation")}
    others = ("videomae", "geometry", "smoothness", "flicker", "random_weights", "likephys")
    finals |= {m: [float(-v) for v in good] for m in others}
    return {"pair": "tiny", "scene": f"s{scene}", "arm": arm, "settings": settings(arm, 0), "cpu_s": float(n),
            "nfe": 12 * n, "gradients": 4 * ("guided" in arm), "best": n - 1, "finals": finals}  # fmt: skip


@pytest.fixture
def rows(monkeypatch):
    monkeypatch.setattr(tables, "DRAWS", 50)
    monkeypatch.setattr(tables, "SUBSETS", 3)
    return [row(scene, arm) for scene in range(SCENES) for arm in ARMS]


def test_a_perfect_verifier_has_all_of_the_oracles_gain_and_its_opposite_loses_as_much(rows):
    found = tables.tables(rows)
    ways = {way["way"]: way for way in found["choosing"]}
    best, worst = ways["V-JEPA 2"], ways["VideoMAE"]
    assert best["share"].mean == pytest.approx(1) and worst["share"].mean == pytest.approx(-1)
    assert best["error"][POOL] == pytest.approx(np.mean([100 - (POOL - 1 + s) for s in range(SCENES)]))
    assert best["rho"].mean == pytest.approx(1) and worst["rho"].mean == pytest.approx(-1)
    assert best["change"].shown and best["against"].mean == 0 and not best["against"].shown


def test_searches_are_compared_at_their_own_cost(rows):
    found = {r["search"]: r for r in tables.tables(rows)["searching"]}
    assert found["SMC"]["equal_nfe"]["n"] == 1 and found["SMC"]["nfe"] == 12
    assert found["SMC"]["equal_nfe"]["trajectory_error"].mean == pytest.approx((POOL - 1) / 2)  # the first of the pool


def test_scenes_that_lack_an_arm_are_left_out_of_what_needs_it(rows):
    found = tables.tables([r for r in rows if (r["scene"], r["arm"]) != ("s5", "smc")])
    assert (found["scenes"], found["searched"]) == (SCENES, SCENES - 1)
    with pytest.raises(ValueError, match="let `make results` go on"):
        tables.tables([])


def test_the_page_and_the_readme_hold_the_figures(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    found = tables.tables(rows)
    text = page.write(found, tmp_path / "docs").read_text()
    error = found["choosing"][0]["error"][tables.TOP]
    readme = (tmp_path / "README.md").read_text()
    assert f"{error:.2f} px" in text and f"{error:.2f}" in readme
    assert "old" not in readme and readme.startswith("before") and readme.endswith("after\n")
    assert {p.name for p in (tmp_path / "docs").iterdir()} == {
        "results.md", "results-choosing.svg", "results-searching.svg",
    }  # fmt: skip


def test_what_other_commands_found_stands_on_the_page_where_their_figures_are_there(tmp_path):
    assert elsewhere.sections(tmp_path) == ""
    for name in ("wording", "backtrack", "magi"):
        (tmp_path / f"{name}.json").write_text((ROOT / f"benchmarks/{name}.json").read_text())
    found = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in ("wording", "backtrack", "magi")}
    text = elsewhere.sections(tmp_path)
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| --")]
    cases = len(found["wording"]["exact"]) + len(found["backtrack"]["settings"]) + len(found["magi"]["searches"])
    assert len(rows) == cases + len(elsewhere.RULES) + 4  # heads of the four tables
    last = found["magi"]["searches"][-1]
    assert f"| {last['search']} | {last['by']} | {last['mean']:.2f} |" in text
    assert f"{found['backtrack']['settings']['slow']['ladder']['breaks']:.2f} / " in text
