"""The final choice: definitions restated, what is never chosen, bad options, a search that keeps everything else."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest

from examples.exact.drivers import Toy, drive
from raysearch.errors import UsageError
from raysearch.moves import Kernel, Outcome, Result
from raysearch.search import choose
from raysearch.search.smc import smc

NAN = math.nan


def result(*columns: dict, best: int = 0) -> Result:
    """Finals from measurements by name; `r` is the search reward."""
    finals = [Outcome(f"k{i}", c["r"], c) for i, c in enumerate(columns)]
    return Result(tuple(finals), best, notes={"n": len(finals)})


def population(**measured) -> Result:
    rows = [dict(zip(measured, values, strict=True)) for values in zip(*measured.values(), strict=True)]
    return result(*rows, best=int(np.nanargmax(measured["r"])))


def test_rank_sum_by_hand():
    r = population(r=[4.0, 3.0, 2.0, 1.0], a=[10.0, 900.0, 30.0, 30.0])
    found = choose.choose(r, {"how": "rank", "parts": ["r", "a"]})
    # ranks of r: 4 3 2 1; of a: 1 4 2.5 2.5
    assert found.notes["choose"]["scores"] == [5 / 4, 7 / 4, 4.5 / 4, 3.5 / 4]
    assert found.best == 1 and found.notes["choose"]["argmax"] == 0 and found.notes["n"] == 4
    assert found.finals == r.finals
    heavy = choose.choose(r, {"how": "rank", "parts": [{"name": "r", "weight": 3}, "a"]})
    assert heavy.notes["choose"]["scores"][:2] == [13 / 4, 13 / 4] and heavy.best == 0  # the higher search reward


def test_normal_scores_by_hand():
    found = choose.choose(population(r=[4.0, 3.0, 2.0, 1.0]), {"how": "normal", "parts": [{"name": "r", "weight": 2}]})
    z = NormalDist().inv_cdf
    assert found.notes["choose"]["scores"] == pytest.approx([2 * z(k / 8) for k in (7, 5, 3, 1)])
    tied = choose.scaled(np.array([1.0, 2.0, 1.0]), "normal")
    assert tied == pytest.approx([z(1 / 3), z(5 / 6), z(1 / 3)])


def test_rank_sum_is_blind_to_scale_and_z_scores_to_affine_maps():
    rng = np.random.default_rng(0)
    for _ in range(20):
        r, a = rng.normal(size=(2, 7))
        for how, change in (("rank", np.exp), ("normal", np.exp), ("zscore", lambda v: 3 * v - 5)):
            options = {"how": how, "parts": ["r", "a"]}
            plain, changed = (choose.choose(population(r=r, a=v), options) for v in (a, change(a)))
            assert plain.best == changed.best
            assert plain.notes["choose"]["scores"] == pytest.approx(changed.notes["choose"]["scores"])


def test_z_scores_and_sums_by_hand():
    r = population(r=[1.0, 2.0, 6.0], a=[0.0, 10.0, -10.0], flat=[5.0, 5.0, 5.0])
    z = choose.choose(r, {"how": "zscore", "parts": ["r", {"name": "a", "weight": 2}, "flat"]})
    sd_r, sd_a = math.sqrt(14 / 3), math.sqrt(200 / 3)
    want = [-2 / sd_r, -1 / sd_r + 20 / sd_a, 3 / sd_r - 20 / sd_a]
    assert z.notes["choose"]["scores"] == pytest.approx(want) and z.best == 1
    s = choose.choose(r, {"how": "sum", "parts": ["r", {"name": "a", "weight": -0.5}]})
    assert s.notes["choose"]["scores"] == [1.0, -3.0, 11.0] and s.best == 2


def with_features(points: np.ndarray, r: list[float]) -> Result:
    rows = [{"r": v, **{f"vjepa2_features._{k}": x for k, x in enumerate(p)}} for v, p in zip(r, points, strict=True)]
    return result(*rows)


def test_consensus_is_the_medoid():
    rng = np.random.default_rng(1)
    for _ in range(10):
        points = rng.normal(size=(6, 12))  # more than ten, so that _10 must not come before _2
        found = choose.choose(with_features(points, [0.0] * 6), {"how": "consensus"})
        mean = [np.mean([np.linalg.norm(points[i] - points[j]) for j in range(6) if j != i]) for i in range(6)]
        assert found.best == int(np.argmin(mean))
        assert found.notes["choose"]["scores"] == pytest.approx([-m for m in mean])
    crowd = np.concatenate([rng.normal(size=(5, 3)) * 0.1, [[9.0, 9.0, 9.0]]])
    both = choose.choose(with_features(crowd, [1, 2, 3, 4, 5, 6]), {"how": "rank", "parts": ["r", "consensus"]})
    assert both.best != 5 and both.notes["choose"]["parts"] == [["r", 1.0], ["consensus", 1.0]]
    assert choose.choose(with_features(crowd[:1], [0.0]), {"how": "consensus"}).best == 0


def test_the_unscored_and_the_unmeasured_are_never_chosen():
    r = population(r=[NAN, 1.0, 2.0, 3.0], a=[9.0, 8.0, NAN, 0.0])
    found = choose.choose(r, {"how": "sum", "parts": ["a"]})
    assert found.best == 1 and [math.isnan(s) for s in found.notes["choose"]["scores"]] == [True, False, True, False]
    with pytest.raises(UsageError, match="no candidate has a reward and a"):
        choose.choose(population(r=[NAN, 1.0], a=[1.0, NAN]), {"how": "sum", "parts": ["a"]})
    told = population(r=[1.0, 2.0], a=[5.0, "the frames hold NaN"])  # a reason stands where a number could not
    assert choose.choose(told, {"how": "sum", "parts": ["a"]}).best == 0
    with pytest.raises(UsageError, match="'b' was not recorded; there are: a, r"):
        choose.choose(r, {"how": "sum", "parts": ["b"]})


def test_ties_go_to_the_search_reward_then_to_the_slot():
    assert choose.choose(population(r=[1.0, 2.0, 2.0], a=[5.0] * 3), {"how": "rank", "parts": ["a"]}).best == 1


def test_a_frozen_candidate_is_left_out_by_bounds():
    r = population(r=[9.0, 1.0, 2.0, 3.0], motion=[0.1, 2.0, 4.0, 6.0])
    by = {"how": "sum", "parts": ["r"]}
    assert choose.choose(r, by).best == 0
    assert choose.choose(r, by | {"at_least": {"motion": 1}}).best == 3
    assert choose.choose(r, by | {"at_least_of_median": {"motion": 0.5}}).best == 3  # of 3
    assert choose.choose(r, by | {"at_least": {"motion": 4}, "at_least_of_median": {"motion": 0.5}}).best == 3
    assert choose.choose(r, by | {"at_least": {"motion": 100}}).best == 0  # nobody passes: no bound


def test_every_measurement_must_be_there_and_a_text_is_none():
    r = population(r=[3.0, 2.0, 1.0], a=[9.0, NAN, 0.0], b=[NAN, 9.0, 0.0])
    assert choose.choose(r, {"how": "sum", "parts": ["a", "b"]}).best == 2
    told = population(r=[1.0, 2.0], a=[-5.0, "the frames hold NaN"])
    assert choose.choose(told, {"how": "sum", "parts": ["a"]}).best == 0


def test_scores_are_taken_among_the_candidates_that_bounds_leave():
    r = population(r=[9.0, 1.0, 2.0, 3.0], a=[50.0, 4.0, 2.0, 0.0], motion=[0.0, 1.0, 2.0, 1.0])
    found = choose.choose(r, {"how": "rank", "parts": ["a"], "at_least": {"motion": 1}})  # 1 itself will do
    assert math.isnan(found.notes["choose"]["scores"][0]) and found.notes["choose"]["scores"][1:] == [1, 2 / 3, 1 / 3]
    z = choose.choose(r, {"how": "zscore", "parts": ["a"], "at_least": {"motion": 1}})
    assert z.notes["choose"]["scores"][1:] == pytest.approx([1.5**0.5, 0.0, -(1.5**0.5)])
    both = {"how": "sum", "parts": ["r"], "at_least": {"motion": 1, "a": 1}}
    assert choose.choose(r, both).best == 2  # each bound excludes another one


def test_a_median_is_that_of_all_usable_candidates_whatever_another_bound_excludes():
    r = population(r=[5.0, 4.0, 3.0, 2.0, NAN], a=[0.0, 0.0, 1.0, 1.0, 1.0], motion=[1.0, 2.0, 9.0, 30.0, 500.0])
    half = {"how": "sum", "parts": ["r"], "at_least_of_median": {"motion": 1}}
    assert choose.choose(r, half).best == 2  # at least 5.5; their mean is 10.5
    assert choose.choose(r, half | {"at_least": {"a": 1}}).best == 2  # among those left the median would be 19.5
    exact = population(r=[5.0, 4.0, 3.0], motion=[1.0, 2.0, 3.0])
    assert choose.choose(exact, half).best == 1


def test_consensus_is_sought_among_scored_candidates_with_all_features_of_the_named_kind():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [4.0, 0.0], [9.0, 0.0], [9.0, 0.0], [9.0, 0.0]])
    r = with_features(points, [1.0, 1.0, 1.0, NAN, 1.0, 1.0])
    for i in (4, 5):
        del r.finals[i].rewards["vjepa2_features._1"]
    for i, other in enumerate((0.0, 50.0, 90.0)):
        r.finals[i].rewards["another._0"] = other
    found = choose.choose(r, {"how": "consensus"})
    assert found.best == 1 and found.notes["choose"]["scores"][:3] == [-2.5, -2.0, -3.5]


def test_the_order_of_the_candidates_does_not_matter():
    r, a = [3.0, 1.0, 2.0], [1.0, 5.0, 4.0]
    for how in ("rank", "zscore", "sum"):
        picked = set()
        for order in itertools.permutations(range(3)):
            found = choose.choose(population(r=[r[i] for i in order], a=[a[i] for i in order]),
                                  {"how": how, "parts": ["r", "a"]})  # fmt: skip
            picked.add(order[found.best])
        assert len(picked) == 1


def test_a_search_keeps_all_but_its_last_word():
    def begin():
        return smc(3, 12, n=8, kernel=Kernel("ddim_eta", 1.0))

    plain, rounds = drive(begin(), Toy().run)
    other = {"how": "sum", "parts": [{"name": "toy", "weight": -1}]}
    found, _ = drive(choose.chosen(begin(), other), Toy().run)
    assert (found.finals, found.log_weights, found.log_z) == (plain.finals, plain.log_weights, plain.log_z)
    assert found.winner.reward == min(o.reward for o in plain.finals)
    assert found.notes["choose"]["argmax"] == plain.best

    def nothing(move):
        raise AssertionError("a Move was executed")

    again, _ = drive(choose.chosen(begin(), other), nothing, rounds)  # replay: the same choice, nothing executed
    assert again.digest() == found.digest() != plain.digest()
    assert drive(choose.chosen(begin(), {}), Toy().run)[0].digest() == plain.digest()


@pytest.mark.parametrize(
    "options, told",
    [
        ({"how": "ranks", "parts": ["r"]}, "did you mean 'rank'"), ({"parts": ["r"]}, r"choose\.how"),
        ({"how": "rank"}, r"choose\.parts=None"), ({"how": "rank", "parts": "r"}, r"choose\.parts='r'"),
        ({"how": "rank", "parts": [{"weight": 1}]}, r"parts\[0\]="), ({"how": "rank", "part": ["r"]}, "mean 'parts'"),
        ({"how": "rank", "parts": [{"name": "r", "weight": "x"}]}, r"parts\[0\]\.weight='x'"),
        ({"how": "rank", "parts": ["moton"]}, "'moton' is unknown; did you mean 'motion'"),
        ({"how": "consensus"}, "add vjepa2_features to watch"), ({"how": "rank", "parts": []}, r"choose\.parts=\[\]"),
        ({"how": "rank", "parts": ["r", "consensus"]}, "add vjepa2_features to watch"),
        ({"how": "rank", "parts": [{"name": "r", "wieght": 2}]}, r"parts\[0\]="),
        ({"how": "rank", "parts": ["r"], "at_least": {"motion": True}}, "motion=True: must be a number"),
        ({"how": "rank", "parts": ["r"], "at_least": {"motion": math.inf}}, "motion=inf: must be a number"),
        ({"how": "consensus", "parts": ["r"]}, "consensus takes no parts"),
        ({"how": "rank", "parts": ["r"], "at_least": {"moton": 1}}, r"at_least: measurement 'moton'"),
        ({"how": "rank", "parts": ["r"], "at_least_of_median": {"motion": None}}, r"motion=None"),
    ],
)  # fmt: skip
def test_choices_that_make_no_sense(options, told):
    with pytest.raises(UsageError, match=told):
        choose.check(options, ["r", "motion"])


def test_choices_that_make_sense():
    choose.check({}, ["r"])
    choose.check({"how": "consensus", "parts": None}, ["r", "vjepa2_features"])
    choose.check({"how": "rank", "parts": ["r.detail", {"name": "consensus", "weight": 2}]}, ["r", "vjepa2_features"])
