"""Lengths of videos that are made in chunks."""

import pytest

from raysearch.generators.lengths import Chunks


@pytest.mark.parametrize(("asked", "made"), [(1, 5), (5, 5), (6, 22), (22, 22), (124, 124), (125, 141)])
def test_up_is_the_next_length_of_whole_chunks_and_the_rest(asked, made):
    assert Chunks(17, 5, 5, 2).up(asked) == made
