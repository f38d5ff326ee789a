"""What holds of every strategy: pure replay, shared Moves, a ledger that adds up, honest refusals, genealogy."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from examples.exact.drivers import Toy, drive
from examples.exact.models import DDPM, LinearGaussian
from raysearch.errors import UsageError
from raysearch.moves import KERNELS, Guide, Kernel, Outcome
from raysearch.search import STRATEGIES, describe, options_of, strategy
from raysearch.search.common import afford, nfe, ranked
from raysearch.search.guides import PRESETS

every_strategy = pytest.mark.parametrize("name", STRATEGIES)
NEED_NOISE = ("smc", "pimh", "smc_pcn", "beam", "rbf")
# whose cost is known before the first reward
FIXED = {
    "best_of_n",
    "backtrack",
    "wording",
    "smc",
    "pimh",
    "smc_pcn",
    "beam",
    "halving",
    "paths",
    "pcn",
    "evolutionary",
}


def ledger(search, run, steps=20):
    """(Result, moves of each round, NFE by the Moves alone)."""
    at, spent, rounds, round_ = {}, 0, [], next(search)
    while True:
        spent += nfe(round_.moves, at, steps)
        outcomes = [run(m) for m in round_.moves]
        at.update({o.key: m.to for o, m in zip(outcomes, round_.moves, strict=True)})
        rounds.append(round_.moves)
        try:
            round_ = search.send(outcomes)
        except StopIteration as end:
            return end.value, rounds, spent


@every_strategy
def test_replay_at_every_cut_continues_identically(name):
    def spawn():
        return strategy(name)(7, 20, budget=600)

    lineage = {}

    def resumed(toy):
        """Runs a Move on an executor that lost its states: missing parents are made again from their own Moves."""

        def run(move):
            lineage[move.key("toy")] = move
            if move.parent is not None and move.parent not in toy.states:
                run(lineage[move.parent])
            return toy.run(move)

        return run

    whole, rounds = drive(spawn(), resumed(Toy()))
    for cut in range(1, len(rounds) + 1):
        recorded = [[Outcome.from_json(o.to_json()) for o in r] for r in rounds[:cut]]
        again, repeated = drive(spawn(), resumed(Toy()), recorded)
        assert again.digest() == whole.digest()
        assert [[o.key for o in r] for r in repeated] == [[o.key for o in r] for r in rounds]


@every_strategy
def test_every_state_can_be_recomputed_from_its_lineage_alone(name):
    toy, lineage = Toy(), {}

    def run(move):
        lineage[move.key("toy")] = move
        return toy.run(move)

    result, _ = drive(strategy(name)(2, 20, budget=600), run)
    alone, chain, key = Toy(), [], result.winner.key
    while key is not None:
        chain.append(lineage[key])
        key = chain[-1].parent
    outcome = [alone.run(move) for move in reversed(chain)][-1]
    assert outcome.reward == result.winner.reward
    assert alone.states[outcome.key] == toy.states[outcome.key]


@every_strategy
@pytest.mark.parametrize("budget", [400, 777, 2000])
def test_the_ledger_adds_up_and_the_budget_holds(name, budget):
    toy = Toy()
    result, _, spent = ledger(strategy(name)(1, 20, budget=budget), toy.run)
    assert spent == toy.nfe <= budget
    if name in FIXED:  # and one particle more would not have fitted
        assert ledger(strategy(name)(1, 20, **more(name, result)), Toy().run)[2] > budget
    if name == "rbf":  # what is saved early is spent later, up to what is too little for one more proposal each
        assert spent > budget - 2 * 20


def more(name, result):
    size = {"beam": "width", "pimh": "runs"}.get(name, "n")
    return {size: result.notes[size] + 1}


def test_costs_by_hand():
    for name, options, expected in (
        ("best_of_n", {"n": 5}, 5 * 20),
        ("smc", {"n": 5}, 5 * 20),
        ("smc", {"n": 16, "last": 4, "reads": (0.5,)}, 16 * 11 + 4 * 9),
        ("halving", {"n": 8, "reads": (0.2, 0.5)}, 8 * 5 + 4 * 6 + 2 * 9),
        ("beam", {"width": 2, "branch": 3, "kernel": DDPM}, 6 * 20),
        ("beam", {"width": 2, "branch": 3, "kernel": DDPM, "lookahead": 2}, 6 * 20 + 6 * 2 * 4),
        ("beam", {"width": 2, "branch": 3}, 6 * 17 + 2 * 3),  # the last stretch has no noise: one child each
        ("smc", {"n": 5, "lookahead": 2}, 5 * (20 + 3 * 2)),
        ("pimh", {"n": 3, "runs": 2}, 2 * 3 * 20),
        ("smc_pcn", {"n": 3, "rounds": 3, "keep": (0.0, 0.4)}, 3 * (20 + 20 + 11 + 20)),
        ("paths", {"n": 6, "keep": 2}, 6 * 5 + 6 * (8 * 4 + 3)),
        ("zero_order", {"n": 3, "rounds": 2}, 20 * (1 + 3 * 2)),
        ("pcn", {"n": 3, "rounds": 2}, 20 * 3 * 3),
        ("evolutionary", {"n": 6, "children": 4, "reads": (0.0, 0.5)}, 6 * 20 + 4 * 20 + 4 * 10),
    ):
        assert ledger(strategy(name)(0, 20, **options), Toy().run)[2] == expected, name


@every_strategy
@pytest.mark.parametrize("steps", [4, 8, 20])
def test_no_strategy_evaluates_a_state_twice(name, steps):
    toy = Toy(LinearGaussian(steps=steps))
    ledger(strategy(name)(5, steps, kernel=DDPM), toy.run, steps)
    assert max(toy.begun.values(), default=0) <= 1  # a noise that was not scored: its one child begins it
    assert all(toy.states[key][1] == 0 for key, count in toy.begun.items() if count)


@pytest.mark.parametrize("name", ["best_of_n", "halving", "smc"])
def test_a_sweep_over_n_shares_its_moves(name):
    small, large = ({m.key("x") for m in ledger(strategy(name)(4, 20, n=n), Toy().run)[1][0]} for n in (4, 16))
    assert small < large
    assert len(large) == 16


@every_strategy
def test_moves_are_distinct_and_seeds_change_everything(name):
    runs = [ledger(strategy(name)(seed, 20, budget=600), Toy().run) for seed in (1, 2)]
    keys = [[m.key("x") for moves in rounds for m in moves] for _, rounds, _ in runs]
    assert all(len(k) == len(set(k)) for k in keys)
    assert not set(keys[0]) & set(keys[1])
    assert runs[0][0].digest() != runs[1][0].digest()


@every_strategy
def test_kernel_and_guide_reach_every_step(name):
    kernel, guide = Kernel("flow_sde", 0.5, (0.1, 0.8)), Guide(scale=2.0, strict=True)
    _, rounds, _ = ledger(strategy(name)(0, 20, kernel=kernel, guide=guide, budget=600), Toy().run)
    stepping = [m for moves in rounds for m in moves if m.to > 0]
    assert stepping and all((m.kernel, m.guide) == (kernel, guide) for m in stepping)


@every_strategy
def test_result_is_a_finished_video_with_its_genealogy(name):
    toy = Toy()
    result, rounds, _ = ledger(strategy(name)(0, 20, budget=600), toy.run)
    assert all(toy.states[o.key][1] == 20 for o in result.finals)
    assert result.winner.reward == max(o.reward for o in result.finals)
    fresh = {m.key("toy") for moves in rounds for m in moves if m.parent is None}
    parent = {m.key("toy"): m.parent for moves in rounds for m in moves}

    def root(key):
        while parent[key] is not None:
            key = parent[key]
        return key

    roots = {root(o.key) for o in result.finals}
    assert roots <= fresh
    assert result.notes["roots"] == len(roots)


@every_strategy
def test_a_few_nan_rewards_never_win(name):
    toy = Toy()

    def run(move):
        outcome = toy.run(move)
        return replace(outcome, reward=math.nan) if int(outcome.key[:4], 16) % 4 == 0 else outcome

    result, _ = drive(strategy(name)(3, 20, budget=1000), run)
    assert not math.isnan(result.winner.reward)


@pytest.mark.parametrize("name", NEED_NOISE)
def test_deterministic_copies_are_refused(name):
    for kernel in (Kernel("ode"), Kernel("2m"), Kernel("cps", 0.0), Kernel("cps", 0.9, (0.9, 1.0))):
        with pytest.raises(ValueError, match=r"choose a stochastic kernel .* prune = true"):
            next(strategy(name)(0, 10, kernel=kernel))


@pytest.mark.parametrize("name", sorted(set(STRATEGIES) - set(NEED_NOISE)))
def test_the_others_take_a_deterministic_kernel_and_never_pay_for_a_copy(name):
    toy = Toy()
    _, rounds, _ = ledger(strategy(name)(0, 20, kernel=Kernel("ode"), budget=600), toy.run)
    ends = [toy.states[m.key("toy")] for moves in rounds for m in moves if m.to == 20]
    assert len(set(ends)) == len(ends)


@every_strategy
def test_a_budget_too_small_names_the_least_that_will_do(name):
    with pytest.raises(ValueError, match=r"budget = 3 NFE .* raise it to (\d+)") as error:
        next(strategy(name)(0, 20, budget=3))
    least = int(str(error.value).rsplit(" ", 1)[1])
    assert ledger(strategy(name)(0, 20, budget=least), Toy().run)[2] <= least


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("best_of_n", {"n": 0}, "search.n=0: give a whole number of at least 1"),
        ("smc", {"potential": "dif"}, "did you mean 'diff'"),
        ("smc", {"scheme": "systemic"}, "did you mean 'systematic'"),
        ("smc", {"scheme": "killing", "last": 4}, "with last use systematic or ssp"),
        ("smc", {"rise": "geometry"}, "did you mean 'geometric'"),
        ("smc", {"threshold": -0.5}, r"search.threshold=-0.5: give a number in \[0, 1\]"),
        ("smc", {"threshold": 1.5}, r"search.threshold=1.5: give a number in \[0, 1\]"),
        ("smc", {"lam": math.nan}, "search.lam=nan: give a number of at least 0"),
        ("smc", {"m": 3}, "option of smc 'm' is unknown"),
        ("beam", {"width": 0}, "search.width=0: give a whole number of at least 1"),
        ("halving", {"keep": 0.0}, r"search.keep=0.0: give a number in \(0, 1\]"),
        ("paths", {"back": 0.5, "ahead": 0.5}, "ahead = 0.5 must exceed back = 0.5"),
        ("zero_order", {"beta": 1.5}, r"search.beta=1.5: give a number in \(0, 1\]"),
        ("pcn", {"rounds": 0}, "search.rounds=0: give a whole number of at least 1"),
        (
            "evolutionary",
            {"reads": (1.0,)},
            r"search.reads=\(1.0,\): give at least one fraction of the steps, each below 1",
        ),
        ("rbf", {"wave": 0}, "search.wave=0: give a whole number of at least 1"),
    ],
)
def test_errors_name_option_value_and_range(name, options, message):
    with pytest.raises(ValueError, match=message):
        next(strategy(name)(0, 20, **options))


def test_registry_and_descriptions():
    with pytest.raises(ValueError, match="did you mean 'best_of_n'"):
        strategy("bestofn")
    described = {d.name: d for d in describe()}
    assert set(described) == set(STRATEGIES)
    for d in described.values():
        assert d.summary.endswith(".") and len(d.summary) <= 100 and "arXiv" in d.paper
        assert {"kernel", "guide", "budget"} <= set(d.options)
    assert described["smc"].options["threshold"].default == 0.5


@pytest.mark.parametrize("part", describe(), ids=lambda part: part.name)
def test_every_option_says_what_it_means_and_which_values_it_takes(part):
    for option in part.options.values():
        assert len(option.meaning.split()) >= 4 and len(option.meaning) < 260, option.name
        assert "Paper" not in option.meaning and "Raises" not in option.meaning
        assert option.values or option.name == "kernel"
    assert all(name in part.options["kernel"].meaning for name in KERNELS)
    assert all(name in part.options["guide"].meaning for name in PRESETS)


def test_strategies_are_listed_from_the_simplest_to_the_most_involved():
    assert list(STRATEGIES) == [
        "best_of_n", "wording", "halving", "smc", "pimh", "smc_pcn", "beam", "chunkwise", "backtrack", "paths",
        "zero_order", "pcn", "evolutionary", "rbf",
    ]  # fmt: skip


def test_options_of_a_job_become_those_of_the_strategy():
    begin, given = options_of(
        {"name": "smc", "kernel": {"name": "cps", "eta": 0.5, "window": [0, 1]}, "guide": "cheap"}
    )
    assert begin.__name__ == "smc" and given["kernel"] == Kernel("cps", 0.5, (0, 1))
    assert given["guide"].strict and given["guide"].clip == 1.0
    assert options_of({"name": "beam", "guide": {"preset": "cheap", "scale": 0}})[1] == {"guide": None}
    with pytest.raises(
        UsageError, match=r"option of beam 'lam' is unknown.*leaves out the options of another strategy"
    ):
        options_of({"name": "beam", "lam": 3.0})
    with pytest.raises(UsageError, match="strategy 'bean' is unknown; did you mean 'beam'"):
        options_of({"name": "bean"})


def test_search_imports_neither_torch_nor_ray():
    code = "import sys, raysearch.search; print([m for m in ('torch', 'ray', 'diffusers') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_afford_and_ranked():
    assert afford(3, None, lambda m: 10 * m) == 3
    assert [afford(1, b, lambda m: 10 * m) for b in (10, 19, 20, 1234)] == [1, 1, 2, 123]
    assert ranked([1.0, math.nan, 3.0, 3.0, -math.inf]) == [2, 3, 0, 4, 1]


def test_the_example_of_the_docs_runs():
    page = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
    scope = {}
    exec(page.split("```python")[1].split("```")[0], scope)
    result, _, spent = ledger(scope["second_thoughts"](0, 20, budget=300), Toy().run)
    assert spent == 10 * 20 + 10 * 10
    assert len(result.finals) == 11
    assert all(f"| `{name}` |" in page for name in STRATEGIES)
