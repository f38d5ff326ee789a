"""Training of the tiny MAGI-1's transformer: flow matching on every chunk of a clip, seeing what the sampler shows.

Half of the clips are trained as with window 1: each noisy chunk has a time of its own and sees clean copies of the
chunks before it. The others are trained as with window 4: chunks in flight are a quarter of their steps apart and see
each other noisy. Below t = .3 most chunks read the caption, from there on none does, as base models are sampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from raysearch.generators.magi1.network import Network
from raysearch.generators.magi1.stages import REACH
from raysearch.generators.magi1.times import CLEAN
from raysearch.generators.magi1.train.latents import cached, windows
from raysearch.generators.magi1.train.sequence import Sequence, velocities
from raysearch.generators.magi1.train.sizes import network
from raysearch.generators.magi1.vae import Vae
from raysearch.tinyworld.models import TEXT_TOKENS, text_encoder, tokenizer
from raysearch.tinyworld.physics import PROMPTS
from raysearch.tinyworld.train.checkpoints import averaged
from raysearch.tinyworld.train.data import noise
from raysearch.tinyworld.train.loop import Faster, Terms, TrainingRecipe, fit, plain

CHUNKS = 4  # of a training clip
CLIPS, SEED = (1000, 6000), 11  # encoded clips, by cycle
FIRST = 4  # of every so many steps one also trains the first chunk, from text or an image
IMAGE = 0.4  # of these clips, the share that begins with an image
TEXTLESS, ALONE = 0.12, 0.06  # of the chunks below t = .3: without the caption, and without the past as well
TEXTLESS_FLIGHT = 0.4  # of the clips as with window 4
BLUR = 0.2  # the most noise on a clean copy: what the sampler remembers is never perfect
PLAIN_PAST = 0.85  # of the clips, the share whose clean copies are conditioned as without a caption
WINDOW = 4
NULL, ONE, TWO = range(3)  # captions


@dataclass(frozen=True)
class Draws:
    """Which copies a sequence holds of chunks 0 to 2 clean and `first` to 3 noisy, and who sees whom.

    Attributes:
        u: progress of each noisy chunk through its own steps, [B, n].
        captioned: whether it reads the caption, [B, n].
        allow: [B, M, M].
    """

    u: Tensor
    captioned: Tensor
    allow: Tensor


def plan(batch: int, first: int, g: torch.Generator) -> Draws:
    """A random one for each clip."""
    n, clean = CHUNKS - first, CHUNKS - 1
    u, pick = torch.rand(batch, n, generator=g), torch.rand(batch, n, generator=g)
    stage = torch.randint(n + WINDOW - 1, (batch, 1), generator=g)
    together = (stage - torch.arange(n) + torch.rand(batch, 1, generator=g)) / WINDOW
    flying = (torch.arange(batch)[:, None] % 2 == 1) & (together >= 0) & (together < 1)
    u = torch.where(flying, together, u)
    quarter = (4 * u).long().clamp(max=3)
    sharp = quarter == 3
    alone = ~flying & ~sharp & (pick < ALONE)
    captioned = torch.where(flying, pick[:, :1] >= TEXTLESS_FLIGHT, ~sharp & (pick >= ALONE + TEXTLESS))
    gap = torch.arange(first, CHUNKS)[:, None] - torch.arange(CHUNKS)  # from an earlier chunk to a noisy one
    sees = (gap > 0) & (gap < torch.tensor(REACH)[quarter][..., None]) & ~alone[..., None]
    aloft = torch.cat([torch.zeros(batch, first, dtype=torch.bool), flying], 1)
    noisy = sees & aloft[:, None] & flying[..., None]
    allow = torch.eye(clean + n, dtype=torch.bool).repeat(batch, 1, 1)
    allow[:, clean:, :clean] = (sees & ~noisy)[..., :clean]
    allow[:, clean:, clean:] |= noisy[..., first:]
    return Draws(u, captioned, allow)


def sequence(z: Tensor, two: Tensor, image: Tensor, first: int, g: torch.Generator) -> tuple[Sequence, Tensor, Tensor]:
    """A training sequence of clips z [B, 4, z, 6, h, w], the velocities to be predicted, and which frames count."""
    batch, clean = len(z), CHUNKS - 1
    p = plan(batch, first, g)
    counts = torch.ones(batch, CHUNKS - first, 1, z.shape[3], 1, 1)
    given = torch.zeros(batch, dtype=torch.bool)
    if not first:
        given = torch.rand(batch, generator=g) < IMAGE
        z = z.clone()
        z[given, 0, :, 0] = image[given]
        counts[given, 0, :, 0] = 0
    t = p.u**2 / 3 / (1 - 2 / 3 * p.u**2)
    e = torch.randn(z[:, first:].shape, generator=g)
    level = t[..., None, None, None, None].expand(counts.shape)
    level = torch.where(counts > 0, level, torch.ones(()))
    past = z[:, :clean] + BLUR * torch.rand(batch, 1, 1, 1, 1, 1, generator=g) * torch.randn(
        z[:, :clean].shape, generator=g
    )
    caption = torch.where(two, TWO, ONE)[:, None]
    plain_past = (torch.rand(batch, 1, generator=g) < PLAIN_PAST).expand(-1, clean)
    s = Sequence(
        torch.cat([past, level * z[:, first:] + (1 - level) * e], 1),
        torch.cat([torch.arange(clean), torch.arange(first, CHUNKS)]),
        torch.cat([torch.full((batch, clean), CLEAN), t], 1),
        torch.cat([plain_past, ~p.captioned], 1),
        torch.cat([torch.full((batch, clean), NULL), torch.where(p.captioned, caption, NULL)], 1),
        p.allow,
        CHUNKS - first,
    )
    return s, z[:, first:] - e, counts


def train(recipe: TrainingRecipe, folder: Path, vae: Vae, faster: Faster = plain, cycle: int = 1) -> Network:
    """Train the network for one cosine cycle.

    Args:
        recipe: the settings of the cycle.
        folder: where the checkpoints are, and encoded clips.
        vae: the trained autoencoder.
        faster: torch.compile, or the identity.
        cycle: number of the cycle; every cycle but the first starts from the result of the one before.

    Returns:
        The moving average of the network, frozen.
    """
    torch.manual_seed(recipe.seed)
    net = network()
    if cycle > 1:
        net.load_state_dict(averaged(folder / f"magi-{cycle - 1}.safetensors", network()).state_dict())
    cache, texts, forward = cached(vae, folder, SEED, CLIPS[min(cycle, len(CLIPS)) - 1]), captions(), faster(velocities)

    def loss(model: Network, average: Network, step: int) -> Terms:
        g = noise(recipe.seed, step, torch.device("cpu"))
        z, image, two = windows(cache, recipe.batch, CHUNKS, g)
        s, wanted, counts = sequence(z, two, image, 0 if step % FIRST == FIRST - 1 else 1, g)
        error = forward(model, s, [model.y_embedder.null_caption_embedding, *texts]) - wanted
        return (error.square() * counts).sum() / (counts.sum() * wanted[0, 0, :, 0].numel()), {}

    return fit(f"magi-{cycle}", net, loss, recipe, folder).requires_grad_(False)


@torch.no_grad()
def captions() -> list[Tensor]:
    """The tokens of every prompt there is, each [tokens, channels], as the text encoder reads them."""
    encoder, split = text_encoder(), tokenizer()
    read = [split(text, max_length=TEXT_TOKENS, truncation=True, return_tensors="pt") for text in PROMPTS.values()]
    return [encoder(one.input_ids, attention_mask=one.attention_mask).last_hidden_state[0] for one in read]
