"""Statistics of votes against answers known by hand, from textbooks and from counting everything."""

import itertools
import json
import math

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.evals.preference import items, statistics
from raysearch.evals.preference.items import VideoPair, Vote


def vote(pair, answer, annotator="x", a="base", b="steered", **more):
    return Vote(pair, "a ball", a, b, "physics", answer, annotator, **more)


def test_wins_ties_losses_and_shares():
    votes = [vote("p1", "b"), vote("p1", "b", "y"), vote("p2", "a"), vote("p3", "tie"), vote("p4", "b")]
    found = statistics.compare(votes, "steered", "base")
    assert (found["wins"], found["ties"], found["losses"]) == (3, 1, 1)
    assert found["share"] == 3.5 / 5 and found["share_without_ties"] == 3 / 4
    assert (found["prompts_won"], found["prompts_lost"]) == (2, 1)
    assert statistics.compare(votes, "base", "steered")["share"] == pytest.approx(1 - 3.5 / 5)
    with pytest.raises(UsageError, match="'other'"):
        statistics.compare(votes, "other", "base")


@pytest.mark.parametrize(("wins", "losses", "p"), [(0, 0, 1.0), (5, 5, 1.0), (6, 0, 2 / 64), (9, 1, 22 / 1024)])
def test_the_sign_test_counts_coins(wins, losses, p):
    assert statistics.sign_test(wins, losses) == pytest.approx(p)
    assert statistics.sign_test(losses, wins) == pytest.approx(p)


def test_the_interval_draws_prompts_not_votes():
    """Ten annotators who agree on every prompt know no more than one does."""
    answers = "abbbabbabb"
    one = statistics.compare([vote(f"p{i}", a) for i, a in enumerate(answers)], "steered", "base")
    ten = [vote(f"p{i}", a, str(k)) for i, a in enumerate(answers) for k in range(10)]
    assert statistics.compare(ten, "steered", "base")["interval"] == one["interval"]
    assert one["interval"][0] < 0.7 < one["interval"][1]
    small = statistics.compare([vote("p0", "a"), vote("p1", "b")], "steered", "base")["interval"]
    assert small == [0.0, 1.0]


def test_alpha_of_krippendorff_2011_nominal_example():
    """Krippendorff's own example, 4 coders by 12 units with gaps: nominal alpha 0.743. His five values are here five
    answers."""
    a = [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None]
    b = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3]
    c = [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None]
    d = [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None]
    votes = [vote(f"u{i}", str(x), k) for k, row in zip("abcd", (a, b, c, d), strict=True)
             for i, x in enumerate(row) if x is not None]  # fmt: skip
    assert statistics.krippendorff(votes) == pytest.approx(0.743, abs=5e-4)


def test_alpha_at_its_ends():
    agree = [vote(f"u{i}", "ab"[i % 2], k) for i in range(6) for k in "xy"]
    assert statistics.krippendorff(agree) == 1.0
    against = [vote(f"u{i}", "ab"[(i + (k == "x")) % 2], k) for i in range(6) for k in "xy"]
    assert statistics.krippendorff(against) < 0
    assert math.isnan(statistics.krippendorff([vote("u0", "a")]))


def test_strengths_solve_the_likelihood_equations():
    """Two systems: the log odds. Three: expected wins equal observed ones, which characterises the maximum."""
    two = [vote(f"p{i}", "b" if i < 3 else "a") for i in range(4)]
    found = statistics.bradley_terry(two)
    assert found["steered"] - found["base"] == pytest.approx(math.log(3))
    names = ["x", "y", "z"]
    rng = np.random.default_rng(0)
    votes = [vote(f"p{i}", "a" if rng.random() < 0.6 else "tie" if rng.random() < 0.3 else "b", a=a, b=b)
             for i, (a, b) in enumerate(itertools.permutations(names, 2)) for _ in range(9)]  # fmt: skip
    s = statistics.bradley_terry(votes)
    for n in names:
        won = sum({"a": 1.0, "tie": 0.5, "b": 0.0}[v.answer] if v.a == n else
                  {"b": 1.0, "tie": 0.5, "a": 0.0}[v.answer] for v in votes if n in (v.a, v.b))  # fmt: skip
        others = [v.b if v.a == n else v.a for v in votes if n in (v.a, v.b)]
        assert won == pytest.approx(sum(1 / (1 + math.exp(s[o] - s[n])) for o in others), rel=1e-6)
    assert sum(s.values()) == pytest.approx(0, abs=1e-9)
    with pytest.raises(UsageError, match="never won"):
        statistics.bradley_terry([vote("p", "a")])


def test_each_pair_is_seen_in_both_orders_and_checks_filter_annotators(tmp_path):
    pairs = [VideoPair(f"p{i}", "a ball", "base", "steered", "l", "r") for i in range(30)]
    first, second = (({i.pair.id: i.flipped for i in items.order(pairs, k)}) for k in (0, 1))
    assert all(first[p] != second[p] for p in first) and 5 < sum(first.values()) < 25
    assert [i.pair.id for i in items.order(pairs, 0)] != [i.pair.id for i in items.order(pairs, 1)]
    votes = [vote("p1", "b", "good"), vote("c", "a", "good", check=True, passed=True),
             vote("p1", "a", "hasty"), vote("c", "b", "hasty", check=True, passed=False)]  # fmt: skip
    assert items.attentive(votes) == votes[:1]
    with pytest.raises(UsageError, match="'p0' is given twice"):
        items.order([pairs[0], pairs[0]], 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [('{"id": "x"', "line 1: not a JSON object"), ('{"id": "x", "hue": 1}', "line 1: .*hue"),
     ('{"id": "x", "prompt": "p", "a": "a", "b": "b", "video_a": "no.mp4", "video_b": "n"}', "no.mp4: no such file")],
)  # fmt: skip
def test_bad_pairs_are_named(tmp_path, line, message):
    (tmp_path / "pairs.jsonl").write_text(line + "\n")
    with pytest.raises(UsageError, match=message):
        items.read_pairs(tmp_path / "pairs.jsonl")


def test_answers_of_another_study_are_refused(tmp_path):
    (tmp_path / "key.json").write_text(json.dumps({"study": "s", "question": "physics", "items": {"01": []}}))
    (tmp_path / "answers.jsonl").write_text(
        json.dumps({"study": "t", "sheet": "01", "item": 0, "answer": "left"}) + "\n"
    )
    with pytest.raises(UsageError, match=r"answers\.jsonl: line 1: not an answer to this study"):
        items.read_votes([tmp_path / "answers.jsonl"], tmp_path / "key.json")


@pytest.mark.parametrize("text", [None, "[1]", "{", '{"study": "s"}'])
def test_a_key_that_is_none_is_named(tmp_path, text):
    (tmp_path / "answers.jsonl").write_text("{}\n")
    if text is not None:
        (tmp_path / "key.json").write_text(text)
    with pytest.raises(UsageError, match=r"key\.json: "):
        items.read_votes([tmp_path / "answers.jsonl"], tmp_path / "key.json")
