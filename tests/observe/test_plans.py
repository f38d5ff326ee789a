"""What searches say in the note of their first Round: how many Rounds and network evaluations, at most."""

import pytest

from examples.exact.drivers import Toy
from raysearch.moves import Kernel
from raysearch.search import STRATEGIES

NOISY = Kernel("ddim_eta", 0.7)
CASES = [
    ("best_of_n", {"n": 5}), ("halving", {"n": 9}), ("smc", {"n": 6, "kernel": NOISY}),
    ("smc", {"n": 8, "last": 2, "rise": "adaptive", "kernel": NOISY}), ("beam", {"width": 2, "kernel": NOISY}),
    ("beam", {"width": 3, "branch": 2, "lookahead": 2, "kernel": NOISY}), ("beam", {"prune": True}),
    ("paths", {"n": 7}), ("pcn", {"n": 3, "rounds": 2}), ("evolutionary", {"n": 6}),
    ("evolutionary", {"n": 4, "children": 3, "reads": (0.0, 0.5)}), ("best_of_n", {"budget": 130}),
]  # fmt: skip
AT_MOST = [("zero_order", {"rounds": 6, "patience": 1}), ("smc", {"n": 8, "prune": True}), ("rbf", {"kernel": NOISY})]


def run(name, options):
    """(note of the first Round, Rounds, NFE)."""
    toy = Toy()
    search = STRATEGIES[name](3, toy.model.steps, **options)
    round_, rounds = next(search), 0
    note = dict(round_.note)
    while True:
        rounds += 1
        try:
            round_ = search.send([toy.run(m) for m in round_.moves])
        except StopIteration:
            return note, rounds, toy.nfe


@pytest.mark.parametrize("name, options", CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_search_whose_cost_is_fixed_names_it(name, options):
    note, rounds, nfe = run(name, options)
    assert (note["rounds"], note["nfe"]) == (rounds, nfe)


@pytest.mark.parametrize("name, options", AT_MOST, ids=lambda v: v if isinstance(v, str) else "")
def test_a_search_that_may_end_early_names_a_bound(name, options):
    note, rounds, nfe = run(name, options)
    assert 0 < nfe <= note["nfe"] and rounds <= note.get("rounds", rounds)
    assert ("rounds" in note) == (name != "rbf")  # its waves are not known in advance


@pytest.mark.parametrize("name", STRATEGIES)
def test_no_strategy_takes_more_than_it_says(name):
    note, rounds, nfe = run(name, {"kernel": NOISY, "budget": 700})
    assert nfe <= note.get("nfe", nfe) and rounds <= note.get("rounds", rounds)
