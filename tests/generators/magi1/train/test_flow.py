"""Who sees whom in training, as the sampler's ranges say."""

import torch

from raysearch.generators.magi1.stages import REACH, Stages
from raysearch.generators.magi1.train import flow, sizes


def test_chunks_in_flight_are_a_quarter_of_their_steps_apart_and_see_what_the_sampler_shows():
    p = flow.plan(400, 1, torch.Generator().manual_seed(0))
    together = [b for b in range(400) if p.allow[b, 3:, 3:].sum() > 3]
    assert 100 < len(together) <= 200
    stages = Stages(4, 6, 16, 4)
    for b in together[:60]:
        flying = [j for j in range(3) if p.allow[b, 3 + j, 3:].sum() + p.allow[b, 3:, 3 + j].sum() > 2]
        u = p.u[b, flying]
        assert torch.allclose(u[:-1] - u[1:], torch.full((len(u) - 1,), 0.25), atol=1e-6)
        own = [(1 + j, int(16 * u_)) for j, u_ in zip(flying, u, strict=True)]
        for (c, _), first in zip(own, stages.since(own), strict=True):
            row = p.allow[b, 2 + c]
            seen = {i for i in range(3) if row[i]} | {1 + i for i in range(3) if row[3 + i]}
            assert seen == set(range(first, c + 1))
            assert all(
                not row[i] for i in range(3) if i + 1 in [1 + j for j in flying] and i in [1 + j for j in flying]
            )


def test_a_single_chunk_sees_clean_copies_alone_as_far_as_it_reaches():
    p = flow.plan(400, 1, torch.Generator().manual_seed(1))
    for b in range(0, 400, 2):  # as with window 1
        for j in range(3):
            row, c = p.allow[b, 3 + j], 1 + j
            assert row[3:].sum() == 1 and row[3 + j]
            quarter = min(int(4 * p.u[b, j]), 3)
            seen = [i for i in range(3) if row[i]]
            assert seen in ([], list(range(max(0, c + 1 - REACH[quarter]), c)))
            assert p.captioned[b, j] <= (quarter < 3) and (seen or not p.captioned[b, j])
    assert torch.equal(p.allow[:, :3, :3], torch.eye(3, dtype=torch.bool).expand(400, 3, 3)), (
        "clean copies see themselves"
    )


def test_what_is_to_be_predicted_and_what_counts():
    g = torch.Generator().manual_seed(2)
    z, image = torch.randn(40, 4, sizes.LATENT, 6, 4, 4, generator=g), torch.zeros(40, sizes.LATENT, 4, 4)
    s, wanted, counts = flow.sequence(z, torch.zeros(40, dtype=torch.bool), image, 0, g)
    given = counts[:, 0, 0, 0, 0, 0] == 0
    assert 5 < given.sum() < 30 and counts[:, 1:].all() and counts[:, 0, :, 1:].all()
    assert not s.chunks[given, 3, :, 0].any(), "the image stands clean at the beginning"
    t = s.t[:, 3:, None, None, None, None]
    clean = s.chunks[:, 3:] + (1 - t) * wanted
    torch.testing.assert_close(clean[:, 1:], z[:, 1:])
