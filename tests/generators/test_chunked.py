"""SkyReels V2 diffusion forcing over three chunks: one generator, whose past stands still whatever a search does."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import yaml

from examples.exact.drivers import drive
from raysearch.cli import main
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import feasible
from raysearch.generators.chunked import ChunkedModel
from raysearch.generators.layout import Chunk, ends, layout
from raysearch.moves import KERNELS, Kernel, Move, Outcome
from raysearch.prompts import Prompt
from raysearch.sampling.workers import run_move, shown
from raysearch.search.beam import beam
from raysearch.search.smc import smc
from raysearch.videos import decode
from tests.zoo import wan
from tests.zoo.cases import wan_size

CHUNKS, EACH = 3, 2
STEPS = CHUNKS * EACH
PROMPT = Prompt("p", "a red ball rolls left")
CPU = torch.device("cpu")
NOISY = Kernel("ddim_eta", 0.7)
CALL = wan_size(16, 29, overlap_history=5, base_num_frames=13)


def noise(seed):
    return torch.Generator().manual_seed(seed)


def fresh(**more):
    torch.set_num_threads(1)
    return ChunkedModel(wan.skyreels(), STEPS, 8, CHUNKS, **CALL() | more).given(PROMPT.text, None, "p")


@pytest.fixture(scope="module")
def generator():
    return fresh()


def move(generator, *args, parent=None, **options):
    with torch.no_grad():
        return run_move(generator, Move("parent" if parent else None, *args, **options), PROMPT, parent, CPU)[0]


def test_the_layout_covers_the_video_and_says_what_would():
    assert layout(29, 3, 5, 13) == [Chunk(0, 0, 4), Chunk(2, 4, 6), Chunk(4, 6, 8)] == layout(29, 3, 5)
    assert layout(257, 3, 17, 97)[-1] == Chunk(40, 45, 65) and layout(33, 3, 5)[-1] == Chunk(6, 8, 9)
    with pytest.raises(UsageError, match=r"num_frames=30: a chunked video counts 4k \+ 1 frames; take 29"):
        layout(30, 3, 5)
    with pytest.raises(UsageError, match=r"makes 3 chunks of 13 frames.*not generator.chunks=2; set num_frames=21"):
        layout(29, 2, 5, 13)
    with pytest.raises(UsageError, match=r"makes 2 chunks .*not generator.chunks=5; set num_frames=21, or chunks=2"):
        layout(9, 5, 1, 5)
    with pytest.raises(UsageError, match=r"with 17 of history and so make nothing new"):
        layout(17, 2)
    assert ends(4) == [0.25, 0.5, 0.75] and ends(1) == []


def test_chunks_that_are_decoded_alone_are_those_of_the_whole_video(generator):
    with torch.no_grad():
        x0 = generator.draw(noise(3))
        whole = generator.decode(x0, noise(0))
        assert len(whole) == 29
        for first, end, frames in (
            (-1, 1, slice(0, 13)),
            (1, 2, slice(13, 21)),
            (1, 3, slice(13, 29)),
            (0, 3, slice(29)),
        ):
            alone = generator.decode_chunks(x0, first, end, noise(0))
            assert torch.allclose(alone, whole[frames], atol=1e-5), (first, end)


def test_levels_go_on_where_they_stopped_and_other_chunks_stand_still(generator):
    assert generator.steps == STEPS
    paths = [torch.stack(generator.path(k)).reshape(4, 8) for k in range(STEPS)]
    for k, path in enumerate(paths):
        chunk = generator.chunks[k // EACH]
        assert (path[:2] == path[2:]).all(0).tolist() == [not chunk.new <= f < chunk.end for f in range(8)]
        assert (path[0, : chunk.new] == 1).all() and (path[1, : chunk.new] == 0).all()
    assert all(torch.equal(one[2:], two[:2]) for one, two in pairwise(paths))


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_leaves_the_past_and_chains_bitwise_across_chunks(generator, name):
    kernel, seed = Kernel(name, 0.7 if name in ("ddim_eta", "flow_sde", "cps") else 0.0), (0, 0, 7)
    whole, replica = move(generator, seed, STEPS, kernel), fresh()
    state = None
    for to in (1, 2, 4, 5, STEPS):
        before, state = state, move(replica, seed, to, kernel, parent=state)
        done = generator.chunks[(to - 1) // EACH].new
        if before is not None:
            assert (state.x[:, :, :done] == before.x[:, :, :done]).all()
        assert (state.x0[:, :, :done] == state.x[:, :, :done]).all()
        seen = shown(generator, state)
        assert not seen[:, :, generator.chunks[(to - 1) // EACH].end :].any()
        assert seen[:, :, : generator.chunks[(to - 1) // EACH].end].any((0, 1, 3, 4)).all()
    assert (state.x == whole.x).all() and (state.x0 == whole.x0).all() and (state.x == state.x0).all()
    assert np.isfinite(whole.x).all()


def test_the_film_grows_with_the_chunks(generator):
    with torch.no_grad():
        states = [move(generator, (0, 0, 1), to) for to in (1, 2, 3, 5)]
        films = [generator.decode(shown(generator, s), noise(0)) for s in states]
    assert [len(f) for f in films] == [13, 13, 21, 29]
    assert (films[2][:13] == films[1]).all()


def test_changes_go_no_further_back_than_they_say(generator):
    end = move(generator, (0, 0, 2), STEPS, NOISY)
    middle = move(generator, (0, 0, 2), 3, NOISY)  # in the second of three chunks: latent frames 4 and 5
    mutated = move(generator, (0, 1, 0), 3, parent=middle, mutate=0.5)
    assert (mutated.x != middle.x).any((0, 1, 3, 4)).tolist() == [False] * 4 + [True] * 4
    back = move(generator, (0, 1, 0), 3, parent=end, back=3)
    assert (back.x != end.x).any((0, 1, 3, 4)).tolist() == [False] * 4 + [True] * 4
    again = move(generator, (0, 1, 0), 2, parent=middle, back=2)
    assert (again.x != middle.x).any((0, 1, 3, 4)).tolist() == [False] * 4 + [True] * 2 + [False] * 2
    start = move(generator, (0, 0, 2), 0)
    near = move(generator, (0, 1, 0), 0, parent=start, mutate=0.3)
    assert (near.x != start.x).mean() > 0.99 and near.x.std() == pytest.approx(start.x.std(), rel=0.05)


def test_history_noised_on_request_is_the_same_everywhere():
    """SkyReels draws it from torch's global random numbers, which is nobody's address."""
    one, two = fresh(addnoise_condition=20), fresh(addnoise_condition=20)
    half = move(one, (0, 0, 1), 3)
    here = move(one, (0, 0, 2), 4, parent=half)
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    bare = replace(half, x0=None)  # the child then makes the call, with the noise that its parent would have used
    assert (move(two, (0, 0, 2), 4, parent=bare).x == here.x).all()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (move(fresh(), (0, 0, 2), 4, parent=bare).x != here.x).any()


@pytest.mark.parametrize("search", [
    lambda: smc(0, STEPS, n=4, lam=2000.0, reads=ends(CHUNKS), kernel=NOISY, threshold=1.0),
    lambda: beam(0, STEPS, width=2, branch=2, reads=ends(CHUNKS), kernel=NOISY),
], ids=["smc", "beam"])  # fmt: skip
def test_a_search_selects_at_the_ends_of_chunks_and_keeps_the_past(generator, search):
    states, moves = {}, []

    def run(m):
        key = m.key("scope")
        states[key] = move(generator, m.seed, m.to, m.kernel, parent=states.get(m.parent or ""))
        moves.append((m, key))
        with torch.no_grad():
            frames = generator.decode(shown(generator, states[key]), noise(0))
        assert len(frames) == 13 + 8 * (m.to // EACH - 1)
        return Outcome(key, float(frames[-8:].mean()))

    result, _ = drive(search(), run)
    assert [m.to for m, _ in moves] == [2] * 4 + [4] * 4 + [6] * 4
    for m, key in moves:
        if m.parent is not None:
            past = generator.chunks[m.to // EACH - 1].new
            assert (states[key].x[:, :, :past] == states[m.parent].x[:, :, :past]).all()
    first, second = result.notes["ancestors"]
    assert len(set(first)) < 4 or len(set(second)) < 4  # somebody was copied ...
    assert len({states[key].x.tobytes() for m, key in moves if m.to == STEPS}) == 4  # ... and the copies part


def test_a_run_over_chunks_by_the_command_line(tmp_path, capsys):
    wan.skyreels().save_pretrained(tmp_path / "model")
    job = {
        "run": str(tmp_path / "run"), "prompts": {"items": [{"id": "p", "text": "a red ball rolls left"}]},
        "search": {"name": "smc", "n": 2, "kernel": {"name": "ddim_eta", "eta": 0.7}},
        "generator": {
            "model": str(tmp_path / "model"), "chunks": 2, "steps": 4, "fps": 8, "height": 16, "width": 16,
            "num_frames": 25, "call": {"max_sequence_length": 16, "overlap_history": 9},
        },
        "reward": {"name": "vjepa2", "model": "tiny", "stride": 1}, "cluster": {"executor": "inline"},
    }  # fmt: skip
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert main(["run", str(tmp_path / "job.yaml")]) == 0
    (search,) = json.loads((tmp_path / "run/result.json").read_text())["searches"]
    assert search["error"] is None and len(search["notes"]["ess"]) == 2  # read at the end of each chunk
    assert len(decode(str(tmp_path / "run/best/p.mp4"))[0]) == 25
    capsys.readouterr()
    assert main(["run", str(tmp_path / "job.yaml"), "generator.steps=5"]) == 2
    assert "generator.steps=5: not a multiple of generator.chunks=2" in capsys.readouterr().err


def test_a_film_begun_again_with_a_later_chunk_keeps_its_frames_before(generator):
    whole = move(generator, (0, 0, 2), STEPS)
    again = move(generator, (0, 1, 0), STEPS, parent=whole, back=2 * EACH)
    with torch.no_grad():
        one, two = (generator.decode(torch.from_numpy(np.array(state.x0)), noise(0)) for state in (whole, again))
    assert torch.equal(one[:21], two[:21]) and not torch.equal(one[21:], two[21:])


@pytest.mark.slow
def test_a_run_that_backtracks_keeps_the_frames_before_the_cut_in_its_films(tmp_path, capsys):
    """The reward calls frame 19 broken, whatever is there; the second chunk begins at frame 17."""
    wan.skyreels().save_pretrained(tmp_path / "model")
    reward = {"name": "breaks", "above": [9.0] * 19 + [-1.0], "parts": [{"name": "vjepa2", "context": 4, "stride": 9}]}
    job = {
        "run": str(tmp_path / "run"), "prompts": {"items": [{"id": "p", "text": "a red ball rolls left"}]},
        "search": {"name": "backtrack", "n": 2, "branch": 1}, "films": "all", "reward": reward,
        "generator": {
            "model": str(tmp_path / "model"), "chunks": 2, "steps": 4, "fps": 8, "height": 16, "width": 16,
            "num_frames": 25, "call": {"max_sequence_length": 16, "overlap_history": 9},
        },
        "cluster": {"executor": "inline"},
    }  # fmt: skip
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert main(["run", str(tmp_path / "job.yaml")]) == 0
    (search,) = json.loads((tmp_path / "run/result.json").read_text())["searches"]
    assert [r[1:] for r in search["notes"]["backtrack"]["rounds"]] == [[0, 1], [1, 1], [1, 1]] and not search["error"]
    assert search["notes"]["backtrack"]["lengths"] == [17, 8] and search["notes"]["backtrack"]["breaks"] == [19.0]
    films = [decode(str(tmp_path / "run" / search["films"][final["key"]]))[0] for final in search["finals"]]
    # The frames that are encoded are the same bits (see the tests of backtracking); H.264 looks ahead and is lossy.
    apart = [np.abs(film.astype(int) - films[0].astype(int)).mean((1, 2, 3)) for film in films[1:]]
    assert all(each[:17].max() < 3 and each[18:].min() > each[:17].max() for each in apart), apart
    capsys.readouterr()
    assert main(["run", str(tmp_path / "job.yaml"), "reward={name: vjepa2, stride: 9}"]) == 2
    assert "no reward here tells where a video breaks; set reward={name: breaks" in capsys.readouterr().err


def test_chunks_of_a_class_that_makes_none_and_times_of_their_own(tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "WanPipeline"}')
    config = GeneratorConfig(model=str(tmp_path), steps=4, fps=8, chunks=2)
    with pytest.raises(UsageError, match=r"chunks=2: WanPipeline makes a video whole.*SkyReelsV2DiffusionForcingPipe"):
        feasible.check(config, [])
    (tmp_path / "model_index.json").write_text('{"_class_name": "SkyReelsV2DiffusionForcingPipeline"}')
    config.call = {"ar_step": 5}
    with pytest.raises(UsageError, match=r"ar_step=5: frames at different times"):
        feasible.check(config, [])
    config.call, config.num_frames = {}, 30
    with pytest.raises(UsageError, match=r"num_frames=30: a chunked video counts"):
        feasible.check(config, [])
    with pytest.raises(UsageError, match=r"causal blocks of 5 frames"):
        ChunkedModel(wan.skyreels(), 4, 8, 2, **CALL() | {"causal_block_size": 5})
