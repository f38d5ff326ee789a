"""Who descends from whom, from the event log of a real run."""

import math

import pytest

from raysearch import config, runs
from raysearch.report import lineage, reading, tree
from tests.report.material import CLOCKWORK, NOISY

SMC = [*NOISY, "search.name=smc", "search.n=5", "search.lam=40"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("lineage") / "smc"
    runs.run(config.load("jobs/demo.yaml", [*CLOCKWORK, *SMC, "prompts.items=[{id: a, text: a ball}]", f"run={made}"]))
    return made


def test_generations_are_what_the_search_notes_of_them(folder):
    result = reading.read(str(folder)).results[0]
    found = lineage.read(str(folder))["a"]
    assert len(found) == len(result.notes["reads"]) and {len(g.particles) for g in found} == {5}
    for k, ancestors in enumerate(result.notes["ancestors"][: len(found) - 1]):
        slots = [p.parent for p in found[k + 1].particles]
        assert slots == [(k, a) for a in (ancestors or range(5))]
    assert [p.key for p in found[-1].particles] == [o.key[:12] for o in result.finals]
    assert [p.reward for p in found[-1].particles] == [o.reward for o in result.finals]
    for k, generation in enumerate(found[:-1]):
        weights = [p.weight for p in generation.particles]
        assert math.fsum(weights) == pytest.approx(1, abs=1e-3)
        assert 1 / sum(w * w for w in weights) == pytest.approx(result.notes["ess"][k], rel=1e-2)
        assert generation.note["ess"] == pytest.approx(result.notes["ess"][k])


def test_what_dies_out_is_known(folder):
    found = lineage.read(str(folder))["a"]
    lasting = set(range(5))
    for k in range(len(found) - 1, -1, -1):
        assert {s for s, p in enumerate(found[k].particles) if p.lasts} == lasting
        lasting = {found[k].particles[s].parent[1] for s in lasting} if k else lasting
    assert found[0].roots == reading.read(str(folder)).results[0].notes["roots"] < 5


def test_the_tree_draws_every_particle_and_the_line_of_the_chosen(folder):
    result = reading.read(str(folder)).results[0]
    found = lineage.read(str(folder))["a"]
    drawn = tree.draw(found, result)
    assert tree.branches(found) and drawn.count("<circle") == tree.size(found) == 5 * len(found)
    assert drawn.count("<circle") - drawn.count('class="gone"', drawn.index("<circle")) >= 5
    marks = drawn[drawn.index("<circle") :]
    assert marks.count('class="chosen"') == len(found)


def test_without_a_log_or_with_a_damaged_one_there_is_no_tree(tmp_path):
    assert lineage.read(str(tmp_path)) == {} and not tree.branches([])
    (tmp_path / "events.jsonl").write_text('{"time": "x", "event": "round", "keys": [1], "search": [], "parents": 3}\n')
    assert lineage.read(str(tmp_path)) == {}
