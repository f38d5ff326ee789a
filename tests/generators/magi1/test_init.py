"""MAGI-1 is a generator of its own name; what a job gives is checked before anything is loaded."""

import pytest

from raysearch.errors import UsageError
from raysearch.generators import factory, feasible
from raysearch.prompts import Prompt
from tests.fresh import HEAVY, modules
from tests.generators.magi1 import tiny


def test_checking_a_job_loads_no_model_library():
    loaded, _ = modules("import raysearch.generators.magi1.settings, raysearch.generators.magi1")
    assert not loaded & HEAVY


def test_options_are_read_as_those_of_every_part(folder):
    feasible.check(tiny.settings(folder), [Prompt("p", "a ball")])
    with pytest.raises(UsageError, match=r"generator.call: option of magi1 'windw' is unknown; did you mean 'window'"):
        feasible.check(tiny.settings(folder, call={"windw": 1}), [])
    with pytest.raises(UsageError, match=r"generator.call.window=3: give 4 or 2 or 1"):
        feasible.check(tiny.settings(folder, window=3), [])


def test_an_unknown_generator_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="'magi' is unknown; did you mean 'magi1'"):
        factory("magi")


def test_the_ends_of_chunks_are_known(folder):
    assert feasible.chunk_ends(tiny.settings(folder, steps=32, chunks=4)) == [0.25, 0.5, 0.75]
