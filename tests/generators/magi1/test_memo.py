"""The memory of a replica is bounded and goes by content."""

import torch

from raysearch.generators.magi1.memo import Memo


def test_the_least_recently_used_is_forgotten():
    memo, made = Memo(2), []
    chunks = [torch.full((2,), float(i)) for i in range(3)]
    for i in (0, 1, 0, 2, 0, 1):
        memo.get(chunks[i].clone(), "kind", lambda i=i: made.append(i) or [])
    assert made == [0, 1, 2, 1] and len(memo) == 2 and memo.made == 4


def test_what_it_depends_on_is_part_of_the_key():
    memo, chunk = Memo(4), torch.zeros(2)
    assert memo.get(chunk, (0, True), lambda: [1]) == [1] and memo.get(chunk, (0, False), lambda: [2]) == [2]
    assert memo.get(chunk, (0, True), list) == [1]


def test_without_room_everything_is_made_again():
    memo = Memo(0)
    assert [memo.get(torch.zeros(1), 0, lambda: [1]) for _ in range(2)] == [[1], [1]]
    assert memo.made == 2 and len(memo) == 0
