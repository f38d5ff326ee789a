"""What a job may say of a guide, and which guides a sampler takes."""

import pytest

from examples.exact.drivers import Toy, drive
from raysearch.errors import UsageError
from raysearch.moves import Guide, Kernel, Move
from raysearch.search import STRATEGIES, strategy
from raysearch.search.guides import PRESETS, guide_of


def test_presets_and_what_overrides_them():
    assert guide_of(None) is None and guide_of({"preset": "cheap", "scale": 0}) is None
    assert guide_of("wmreward-vldm") == Guide("full", 0.001, (0.1, 1.0), shrink=0.8, through_context=False)
    assert guide_of({"preset": "wmreward-magi", "every": 3, "window": [0.2, 0.9]}) == Guide(
        "full", 0.005, (0.2, 0.9), every=3, through_context=False
    )
    assert guide_of({"name": "mean", "scale": 0.1}) == Guide("mean", 0.1)


def test_presets_are_as_published():
    """WMReward's table 8 and scripts; the others are raysearch's own."""
    assert PRESETS["wmreward-vldm"] == Guide("full", 0.001, (0.1, 1.0), 1, shrink=0.8, through_context=False)
    assert PRESETS["wmreward-magi"] == Guide("full", 0.005, (0.0, 1.0), 5, through_context=False)
    assert PRESETS["cheap"] == Guide("mean", 0.1, (0.2, 1.0), 3) and PRESETS["sparse"] == Guide("full", 0.05, every=3)
    assert PRESETS["lean"] == Guide("mean", 0.1, (0.2, 1.0), 3, shrink=0.5, chunk=2, recompute=True)


def test_a_guide_that_is_given_as_such_stays_unless_its_scale_is_0():
    guide = Guide("mean", 0.2)
    assert guide_of(guide) is guide and guide_of(Guide("mean", 0.0)) is None
    given = guide_of({"preset": "cheap", "window": [0.1, 0.9]})
    assert given.window == (0.1, 0.9) and isinstance(given.window, tuple)
    assert guide_of({"name": "package.module:function", "scale": 1.0}).name == "package.module:function"
    assert guide_of({"preset": "wmreward-vldm", "inner": 3}).inner == 3
    with pytest.raises(UsageError, match="give a preset"):
        guide_of({"scale": 0.3})


def test_for_a_sampler_a_guide_is_strict_and_short_unless_the_job_says_otherwise():
    found = guide_of("cheap", sampler=True)
    assert found.strict and found.clip == 1.0
    loose = guide_of({"preset": "cheap", "strict": False, "clip": None}, sampler=True)
    assert not loose.strict and loose.clip is None and not guide_of("cheap").strict


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("cheep", r"guide 'cheep' is unknown; did you mean 'cheap'"),
        (3, r"search.guide=3: give wmreward-vldm, wmreward-magi, cheap, sparse, lean"),
        ({"preset": "cheap", "scala": 1}, r"did you mean 'scale'"),
        ({"name": "mean"}, r"give a preset .* or both name \(mean, full\) and scale"),
        ({"name": "meen", "scale": 1.0}, r"guide 'meen' is unknown; did you mean 'mean'"),
        ({"preset": "cheap", "norm": "relativ"}, r"did you mean 'relative'"),
        ({"preset": "cheap", "scale": "much"}, r"search.guide.scale='much': give a number of at least 0"),
        ({"preset": "cheap", "every": 0}, r"search.guide.every=0: give a whole number of at least 1"),
        ({"preset": "cheap", "window": [0.5]}, r"search.guide.window=\[0.5\]: give two fractions"),
        ({"preset": "cheap", "shrink": 1.5}, r"search.guide.shrink=1.5: give a number in \(0, 1\]"),
        ({"preset": "cheap", "norm": "variance", "inner": 2}, r"inner=2: with norm variance a step is one shift"),
        ({"preset": "cheap", "clip": 0}, r"search.guide.clip=0: give a number above 0 or null"),
    ],
)
def test_what_cannot_be_meant_is_named(options, told):
    with pytest.raises(UsageError, match=told):
        guide_of(options)


def test_a_move_without_guide_has_the_key_it_always_had():
    assert Move(None, (0, 0, 1), 12).key("scope") == "1b45e240c0869e93d13e5cdde8eec3f5"
    keys = {Move(None, (0,), 12, guide=g).key("s") for g in (None, *PRESETS.values())}
    assert len(keys) == 1 + len(PRESETS)


def test_smc_takes_only_guides_that_its_weights_correct():
    noisy = Kernel("ddim_eta", 0.7, (0.2, 0.8))
    for guide, kernel, told in (
        (Guide("mean", 0.1), noisy, r"guide.strict = false: 8 of 20 guided steps have no noise"),
        (Guide("mean", 0.1, strict=True, travel=1), noisy, r"guide.travel = 1"),
        (Guide("mean", 0.1, (0.9, 1.0), strict=True), noisy, r"has no noise at any guided step"),
        (Guide("mean", 0.1, strict=True), Kernel(), r"has no noise at any guided step"),
    ):
        with pytest.raises(UsageError, match=told):
            next(strategy("smc")(0, 20, kernel=kernel, guide=guide, prune=True))
    for guide in (Guide("mean", 0.1, strict=True), Guide("mean", 0.1, (0.3, 0.7)), None):
        next(strategy("smc")(0, 20, kernel=noisy, guide=guide))


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_hands_its_guide_to_every_move_that_advances(name):
    guide, seen = Guide("mean", 0.1, strict=True), []
    toy = Toy()

    def run(move):
        seen.append((move.guide, move.to))
        return toy.run(move)

    kernel = {} if name not in ("smc", "beam", "rbf") else {"kernel": Kernel("ddim_eta", 0.7)}
    drive(strategy(name)(0, 20, n=4, guide=guide, **kernel), run)
    assert {g for g, to in seen if to > 0} == {guide}
