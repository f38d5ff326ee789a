"""What every pipeline must keep when it is driven one step per call, each built tiny from configuration alone."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from examples.tiny_parts import film
from raysearch.generators import families, hooks, tiny_decoder
from raysearch.generators.blocks import is_modular
from raysearch.generators.cheaper import preview
from raysearch.generators.chunked import ChunkedModel
from raysearch.generators.classes import for_frames
from raysearch.generators.conditioning import arguments, own_names, taken, with_defaults
from raysearch.generators.declare import Autoencoder
from raysearch.generators.diffusers import DiffusersGenerator, DiffusersModel
from raysearch.generators.modular import ModularGenerator
from raysearch.generators.sizes import sizes
from raysearch.moves import Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling import kernels
from raysearch.sampling.workers import run_move
from tests.zoo.cases import CANNOT_RUN_HERE, CASES
from tests.zoo.table import page
from tests.zoo.untouched import frames_of

STEPS, CUT = 4, 2
CPU = torch.device("cpu")
TEXT = "a red ball rolls left"
PROMPT = Prompt("p", TEXT)
NOISY = Kernel("ddim_eta", 0.7)


def model(case, dtype=torch.float32, call=None):
    pipeline, call = as_loaded(case.build(), dtype), call or case.call()
    if case.chunks > 1:
        return ChunkedModel(pipeline, STEPS, 8, case.chunks, **call)
    return DiffusersModel(pipeline, STEPS, 8, **call)


def as_loaded(pipeline, dtype):
    """The pipeline in a dtype as loading it makes it: some modules of some networks stay in fp32."""
    pipeline.to(dtype)
    for part in pipeline.components.values():
        kept = getattr(part, "_keep_in_fp32_modules", None) or []
        for name, module in part.named_modules() if kept else ():
            if any(name.split(".")[-1] == k or k in name.split(".") for k in kept):
                module.float()
        for name, parameter in part.named_parameters() if kept else ():
            if any(k in name.split(".") for k in kept):
                parameter.data = parameter.data.float()
    return pipeline


def noise(seed):
    return torch.Generator().manual_seed(seed)


def move(generator, *args, parent=None, **options):
    with torch.no_grad():
        return run_move(generator, Move("parent" if parent else None, *args, **options), PROMPT, parent, CPU)[0]


def seen(case, generator, x, k):
    """What follows from the frames of a prompt: a prediction of the network, or the noised start of a redrawn video."""
    if families.PIPELINES[case.pipeline].redraws:
        return generator.draw(noise(0))
    return generator.denoise(x, k, noise(0))


class Zoo:
    """One case with its loaded model and the generator of its prompt."""

    def __init__(self, case):
        self.case, self.model = case, model(case)
        self.generator = self.model.given(TEXT, case.frames(), "p")
        self.half = move(self.generator, (0, 0, 1), CUT, NOISY)


@pytest.fixture(scope="module", params=[c for c in CASES if not c.missing], ids=lambda c: c.id)
def zoo(request):
    torch.set_num_threads(1)
    return Zoo(request.param)


def test_a_chain_cut_in_two_equals_the_unsplit_one_bitwise(zoo):
    seed = (0, 0, 7)
    whole = move(zoo.generator, seed, STEPS)
    first = move(zoo.generator, seed, CUT)
    rest = move(zoo.generator, seed, STEPS, parent=first)
    assert (rest.x == whole.x).all() and (rest.x0 == whole.x0).all()
    assert np.isfinite(whole.x).all() and (whole.x != first.x).any()


def test_a_noisy_particle_goes_on_bitwise_on_a_fresh_replica(zoo):
    here = move(zoo.generator, (0, 1, 1), STEPS, NOISY, parent=zoo.half)
    fresh = model(zoo.case).given(TEXT, zoo.case.frames(), "p")
    there = move(fresh, (0, 1, 1), STEPS, NOISY, parent=zoo.half)
    assert (here.x == there.x).all()
    other = move(zoo.generator, (0, 1, 2), STEPS, NOISY, parent=zoo.half)
    assert (here.x != other.x).any()
    with torch.no_grad():
        frames, again = (g.decode(torch.from_numpy(here.x), noise(1)) for g in (zoo.generator, fresh))
    assert (frames == again).all() and frames.shape[1] == 3 and frames.min() >= 0 and frames.max() <= 1


def test_the_chain_makes_the_video_of_the_stock_pipeline(zoo):
    case = zoo.case
    stock = (case.stock or case.build)()
    stock.set_progress_bar_config(disable=True)
    if not is_modular(type(stock)):
        stock.vae = hooks.mode_not_sample(stock.vae)  # else the stock conditions are other random numbers
    call = case.call() if case.chunks > 1 else zoo.model.call
    steps = STEPS // case.chunks if case.chunks > 1 else zoo.generator._call.get("num_inference_steps", STEPS)
    call = own_names(type(stock), call) | {"num_inference_steps": steps, "output_type": "pt"}
    prompt = arguments(case.pipeline, TEXT, case.frames(), "p", with_defaults(type(stock), call))
    chunked = {k: call[k] for k in ("base_num_frames",) if k in call}  # which the prompt of a single chunk sets
    expected = frames_of(stock, **taken(type(stock), call) | prompt | chunked, generator=noise(0))[case.doubled :]
    with torch.no_grad():
        same = noise(0)  # used up in the order in which the stock call does
        x = zoo.generator.draw(same)
        for k in range(STEPS):
            x0 = zoo.generator.denoise(x, k, same)
            x, _ = kernels.step(Kernel(), x, x0, zoo.generator.path(k), None, k / (STEPS - 1))
        video = zoo.generator.decode(x, same)
    assert video.shape == expected.shape
    difference = (video - expected).abs()
    assert difference.max() <= case.fidelity and difference.mean() <= case.mean


def test_what_it_makes_of_a_number_of_frames_is_known_before(zoo):
    pipeline, call = zoo.model.pipeline, dict(zoo.model.call)
    network = pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer
    known = sizes(zoo.case.pipeline, type(pipeline.vae).__name__, pipeline.vae.config, network.config)
    assert call.get("height", known.multiple) % known.multiple == 0
    name = next((n for n in ("num_frames", "frames") if n in call), "")
    if not name or zoo.case.chunks > 1 or families.PIPELINES[zoo.case.pipeline].image_sizes:
        return
    asked = call[name] + (known.per_latent - 1) * (known.rounds != "exact")  # which Wan rounds up, and others down
    other = DiffusersModel(pipeline, STEPS, 8, **{**call, name: asked, "height": 3 * known.multiple})
    generator = other.given(TEXT, zoo.case.frames(), "p")
    with torch.no_grad():
        video = generator.decode(generator.draw(noise(0)), noise(1))
    assert (len(video), video.shape[2]) == (known.made(asked), 3 * known.multiple)


def test_gradients_flow_through_decode_and_through_the_network(zoo):
    g = zoo.generator
    x = torch.from_numpy(zoo.half.x).requires_grad_(True)
    with torch.enable_grad():
        x0 = g.denoise(x, CUT, noise(0), grad=True)
        clean = x0.detach().requires_grad_(True)
        frames = g.decode(clean, noise(0), grad=True)
        (mean,) = torch.autograd.grad(frames.square().mean(), clean)
        (full,) = torch.autograd.grad(x0, x, mean)
    with torch.no_grad():
        assert (frames - g.decode(clean.detach(), noise(0))).abs().max() < 0.01  # a guardrail works in 8 bits
    assert mean.abs().max() > 0 and full.abs().max() > 0


def test_conditions_reach_the_network_and_are_held_where_claimed(zoo):
    case, x = zoo.case, torch.from_numpy(zoo.half.x)
    if not case.given:
        assert not case.held
        return
    other = zoo.model.given(TEXT, case.frames(seed=5), "p")
    with torch.no_grad():
        k = CUT if case.chunks == 1 else 0  # a later chunk sees the one before it, not the condition
        assert (seen(case, zoo.generator, x, k) != seen(case, other, x, k)).any()
        drawn = [g.draw(noise(s)) for g, s in ((zoo.generator, 0), (zoo.generator, 1), (other, 1))]
    held = (drawn[0] == drawn[1]).numpy()
    assert held.any() == case.held and not held.all()
    done = move(zoo.generator, (0, 0, 3), STEPS, NOISY)
    assert (done.x[held] == drawn[0].numpy()[held]).all() and (zoo.half.x0[held] == done.x[held]).all()
    if case.held:
        assert (drawn[2].numpy()[held] != done.x[held]).any()


def test_frames_of_another_shape_are_cropped_unless_it_says_otherwise(zoo, monkeypatch):
    """Twice as wide as the video: its middle is the condition, and with bars or distorted another one."""
    case, x = zoo.case, torch.from_numpy(zoo.half.x)
    if not case.given:
        return
    wide, k = film(case.given, 2 * case.side)[:, case.side // 2 : -(case.side // 2)], CUT if case.chunks == 1 else 0
    middle, found = wide[:, :, case.side // 2 : -(case.side // 2)], {}
    with torch.no_grad():
        wanted = seen(case, zoo.model.given(TEXT, middle, "p"), x, k)
        for how in ("crop", "pad", "stretch"):
            monkeypatch.setattr(zoo.model, "fit", how)
            found[how] = seen(case, zoo.model.given(TEXT, wide, "p"), x, k)
    assert (found["crop"] == wanted).all()
    assert all((found[a] != found[b]).any() for a, b in (("crop", "pad"), ("crop", "stretch"), ("pad", "stretch")))


def test_mutation_and_going_back_leave_held_positions(zoo):
    with torch.no_grad():
        one, two = (zoo.generator.draw(noise(s)).numpy() for s in (0, 1))
    held = one == two
    for options in ({"mutate": 0.3}, {"back": 1}, {"back": 1, "mutate": 0.3}):
        step = options.get("back", CUT)
        there = move(zoo.generator, (0, 2, 0), step, parent=zoo.half, **options)
        here, now = (np.broadcast_to(zoo.generator.path(k)[1], held.shape) for k in (CUT, step))
        still = held | (
            (here == now) & (now == 0 if "mutate" in options else True)
        )  # and finished chunks, or later ones
        assert (there.x[still] == zoo.half.x[still]).all()
        free = ~still & ((zoo.half.x0 != zoo.half.x) | (here == 0))  # frames of strength < 1 wait for their time
        assert (there.x[free] != zoo.half.x[free]).mean() > 0.99


def test_the_state_stays_fp32_around_a_network_in_bf16(zoo):
    call = {k: half(v) if "embeds" in k and "mask" not in k else v for k, v in zoo.case.call().items()}
    bf16 = model(zoo.case, torch.bfloat16, call).given(TEXT, zoo.case.frames(), "p")
    seed = (0, 0, 7)
    exact, whole, first = move(zoo.generator, seed, STEPS), move(bf16, seed, STEPS), move(bf16, seed, CUT)
    assert (move(bf16, seed, STEPS, parent=first).x == whole.x).all()
    assert np.abs(whole.x - exact.x).mean() < 0.1 * np.abs(exact.x).mean()
    with torch.no_grad():
        assert bf16.decode(torch.from_numpy(whole.x), noise(0)).dtype == torch.float32


def test_two_particles_share_a_call_where_claimed(zoo):
    """Draws are the same bits; x0_hat is the same but for the rounding of larger matrices, so the engine does not."""
    case, one = zoo.case, zoo.generator
    if case.chunks > 1:
        return  # its parts are generators of a single chunk, which have cases of their own
    claim = "" if case.alone else families.PIPELINES[case.pipeline].batch
    call = {k: twice(k, v, claim) for k, v in one._call.items()}
    drives = ModularGenerator if is_modular(type(zoo.model.pipeline)) else DiffusersGenerator
    two = drives(for_frames(zoo.model.pipeline, case.given), STEPS, **call)
    with torch.no_grad():
        if not claim:
            with pytest.raises((ValueError, RuntimeError, IndexError)):
                two.draw([noise(1), noise(2)])
                two.denoise(torch.cat([one.draw(noise(1)), one.draw(noise(2))]), CUT, [noise(1), noise(2)])
            return
        x = [one.draw(noise(s)) for s in (1, 2)]
        x0 = torch.cat([one.denoise(x[i], CUT, noise(s)) for i, s in enumerate((1, 2))])
        assert torch.equal(two.draw([noise(1), noise(2)]), torch.cat(x))
        both = two.denoise(torch.cat(x), CUT, [noise(1), noise(2)])
    assert (both - x0).abs().max() < 1e-5 * max(1, x0.abs().max())


def twice(name, value, claim):
    """An argument of the pipeline call, for two particles of one prompt."""
    if isinstance(value, torch.Tensor) and ("embeds" in name or "mask" in name):
        return torch.cat([value, value])
    several = ("prompt", "negative_prompt", *(("image", "video") if claim == "frames" else ()))
    return [value, value] if name in several and value is not None else value


def half(embeddings):
    return embeddings.to(torch.bfloat16)


def test_every_family_is_in_the_zoo():
    assert {c.pipeline for c in CASES} == set(families.PIPELINES)
    for name, family in families.PIPELINES.items():
        cases = [c for c in CASES if c.pipeline == name]
        assert family.held <= any(c.held for c in cases)
        given = {"text" if not c.given else "image" if c.given == 1 else "frames" for c in cases}
        assert given == set(family.takes) - ({"text"} if family.needs_frames else set())
        assert family.tested == (not all(c.needs for c in cases))


def test_what_cannot_run_here_is_known():
    optional = {c.id: c.needs for c in CASES if c.needs}
    cosmos = dict.fromkeys((c.id for c in CASES if c.id.startswith(("cosmos-1", "cosmos-2"))), ("torchvision",))
    encoded = {"wan-text": ("ftfy",), "minimax-h3-text": ("torchvision",), "minimax-h3-text-image": ("torchvision",)}
    assert optional == cosmos | encoded
    here = {name: f"needs {package}" for name, (package,) in optional.items() if find_spec(package) is None}
    assert here == CANNOT_RUN_HERE


def test_the_page_is_up_to_date():
    committed = Path(__file__).parents[2] / "docs" / "generators.md"
    assert committed.read_text() == page() + "\n", "run: make generators-page"


GROWS = {1: (1, 1, 1), 2: (1, 1, 2), 4: (1, 2, 2), 6: (1, 3, 2), 8: (2, 2, 2)}  # by frames of a latent frame


def test_a_tiny_decoder_stands_in_and_gets_the_latents_as_the_network_makes_them(zoo):
    vae, generator = zoo.model.pipeline.vae, zoo.generator
    declared = families.AUTOENCODERS.get(type(vae).__name__, Autoencoder(""))
    covered = declared.covers(vae.config)
    if covered is None or declared.chunks is not None or covered[1] % tiny_decoder.SPACE:
        pytest.skip("a tiny decoder makes multiples of eight pixels of each latent")
    channels = next(int(vae.config[name]) for name in preview.CHANNELS if vae.config.get(name))
    made = tiny_decoder.TinyDecoder(tiny_decoder.Layout(channels, (4, 4, 4, 4), GROWS[covered[0]], covered[1] // 8))
    taken = []
    made.register_forward_hook(lambda module, args, out: taken.append(args[0]))
    first = getattr(generator, "parts", [generator])[0]
    first.previews = preview.PreviewDecode("tiny", made.eval())
    with torch.no_grad():
        x = generator.draw(noise(0))
        whole = generator.decode(x, noise(1))
        with generator.previewing():
            cheap = generator.decode(x, noise(1))
        first.previews = None
        assert cheap.shape == whole.shape and torch.equal(generator.decode(x, noise(1)), whole)
    latents = x[0].transpose(0, 1) if x.ndim == 5 else None
    if latents is not None and latents.shape == taken[0].shape:
        assert torch.equal(latents, taken[0])
