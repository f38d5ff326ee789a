"""Whole runs against the published sampler: every velocity and the final latents, in fp32 and in bf16."""

import pytest
import torch

from raysearch.generators.magi1.checkpoint import cast
from raysearch.generators.magi1.memo import Memo
from raysearch.generators.magi1.velocity import chunked, unchunked
from tests.generators.magi1 import cases, tiny
from tests.generators.magi1.cases import STRIDE, Case, error

RUNS = ("t2v", "t2v_window1", "i2v", "distill8")


def rebuilt(name, reference, about):
    """The tensors of a case in the form of the published answers: captions padded, with their masks."""
    chunks = reference[f"{name}.noise"].shape[2] // 6
    texts = [[reference[f"{name}.y{i}.{c}"] for c in range(chunks)] for i in (0, 1)]
    y, mask = torch.zeros(2, chunks, 800, texts[0][0].shape[1]), torch.zeros(2, chunks, 800)
    for i in (0, 1):
        for c, text in enumerate(texts[i]):
            y[i, c, : len(text)], mask[i, c, : len(text)] = text, 1
    parts = {n: reference[f"{name}.{n}"] for n in ("noise", "state", "prefix") if f"{name}.{n}" in reference}
    return {**parts, "y": y, "y_mask": mask}


@pytest.mark.parametrize("name", RUNS)
def test_every_velocity_and_the_final_latents_are_the_published_ones(name, reference, runs, small):
    case = Case(small, rebuilt(name, reference, runs[name]), runs[name])
    found, last = case.velocities()
    for k, v in enumerate(found):
        assert error(v.flatten()[::STRIDE], reference[f"{name}.v{k:03d}"]) <= 1e-5, k
    assert error(last, case.tensors["state"]) <= 1e-5
    given = case.stages.given
    assert error(case.four_methods()[:, :, given:], case.tensors["state"][:, :, given:]) <= 1e-5


def test_in_bf16_the_run_stays_within_a_hundredth(reference, runs):
    weights = cases.small().state_dict()
    net = cases.network(cast(weights.items(), torch.bfloat16, torch.device("cpu")))
    case = Case(net, rebuilt("t2v_window1", reference, runs["t2v_window1"]), runs["t2v_window1"])
    assert net.dtype == torch.bfloat16
    assert net.rope.bands.dtype == net.y_embedder.null_caption_embedding.dtype == torch.float32
    assert 1e-5 < error(case.velocities()[1], case.tensors["state"]) <= 1e-2


@pytest.mark.parametrize(("window", "given"), [(4, 0), (1, 8), (2, 13)])
def test_what_a_replica_remembers_changes_no_bit(window, given):
    ends = []
    for most in (0, 1, 4):
        generator = tiny.generator(window=window, given=given, memo=most, each=4)
        ends.append(tiny.chain(generator, generator.draw(torch.Generator().manual_seed(0))))
        assert len(generator.velocity.memo) <= most
        made = generator.velocity.memo.made
    assert all(torch.equal(ends[0], end) for end in ends)
    assert made <= 2 * generator.stages.chunks  # with room for all that is in reach, as often as it is new


@pytest.mark.parametrize("distilled", [False, True])
def test_four_particles_in_a_call_are_those_of_four_calls(distilled):
    generator = tiny.generator(window=4, given=8, each=4, distilled=distilled)
    x = torch.cat([generator.draw(torch.Generator().manual_seed(i)) for i in range(4)])
    together = tiny.chain(generator, x)
    for i in range(4):
        alone = tiny.chain(generator, x[i : i + 1])
        assert (together[i : i + 1] - alone).abs().max() <= 1e-6 * alone.abs().max()


def test_passes_that_cannot_change_the_result_are_left_out(reference, runs, small, monkeypatch):
    case = Case(small, rebuilt("t2v_window1", reference, runs["t2v_window1"]), runs["t2v_window1"])
    calls = []
    plain = small.forward
    monkeypatch.setattr(small, "forward", lambda *a, **k: calls.append(1) or plain(*a, **k))
    passes = []
    for k in range(8):
        calls.clear()
        case.velocity(case.tensors["noise"], k)
        passes.append(len(calls))
    assert passes == [3, 3, 3, 3, 3, 3, 1, 1]


def test_the_guidance_of_the_past_and_of_the_caption_have_scales_of_their_own(reference, runs, small):
    case = Case(small, rebuilt("t2v", reference, runs["t2v"]), runs["t2v"])
    x = case.tensors["noise"]
    plain = case.velocity(x, 3)
    for name in ("text_scale", "past_scale"):
        case.velocity.memo = Memo(4)
        setattr(case.velocity, name, 1.0)
        assert error(case.velocity(x, 3), plain) > 1e-3
        plain = case.velocity(x, 3)
    # with both at 1 the velocity is that of the pass with past and caption alone
    flight = case.stages.flight(3)
    t = case.velocity.times[[n for _, n in flight]]
    seen = case.velocity.network(chunked(x)[:, :2], t, 0, case.velocity.caption, False, case.stages.since(flight))
    assert error(unchunked(plain), unchunked(seen)) < 1e-5


def test_passes_without_weight_are_left_out(monkeypatch):
    generator = tiny.generator(window=1, each=8)
    velocity, calls = generator.velocity, []
    plain = velocity.network.forward
    monkeypatch.setattr(velocity.network, "forward", lambda *a, **k: calls.append(1) or plain(*a, **k))
    x = generator.draw(torch.Generator().manual_seed(0))

    def passes(past, text):
        velocity.past_scale, velocity.text_scale = past, text
        calls.clear()
        velocity(x, 0), velocity(x, 7)  # noise, and nearly clean
        return len(calls)

    assert (passes(1.5, 7.5), passes(1.0, 7.5), passes(1.5, 1.5), passes(1.0, 1.0)) == (4, 3, 3, 2)
