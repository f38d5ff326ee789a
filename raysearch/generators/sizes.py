"""Which sizes a model makes: how many frames of those asked for, and multiples of how many pixels.

A pipeline rounds what does not fill whole latent frames, and fails on sides that its network cannot cut into patches.
Both follow from its class and from the configurations of its autoencoder and its network, so they are known before
anything is loaded. Only `usual_frames` imports diffusers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raysearch.errors import UsageError
from raysearch.generators import families
from raysearch.generators.blocks import parameters
from raysearch.generators.conditioning import LENGTHS
from raysearch.generators.declare import Autoencoder, Call, Config
from raysearch.generators.lengths import Chunks, Rounding

MOST = 1024  # frames or pixels that a latent or a patch may cover; what is beyond is no configuration


@dataclass(frozen=True)
class Sizes:
    """What a model can make.

    Attributes:
        pipeline: the name of its class, for messages.
        multiple: height and width are multiples of this number of pixels.
        per_latent: frames that one latent frame stands for.
        rounds: how a number of frames is rounded.
        cut: frames of those that are cut off after decoding.
        chunks: of an autoencoder that makes videos in chunks, the lengths that it makes.
        lengths: the fewest and the most frames, where the pipeline refuses others.
    """

    pipeline: str
    multiple: int
    per_latent: int
    rounds: Rounding
    cut: int = 0
    chunks: Chunks | None = None
    lengths: tuple[int, int] | None = None

    def made(self, asked: int) -> int | None:
        """The number of frames of a video of which `asked` are asked for; None where the call decides."""
        if self.rounds == "given":
            return None
        if self.rounds == "never":
            return asked
        if self.chunks is not None:
            return self.chunks.up(asked)
        whole = asked if self.rounds == "wan" else asked - 1
        decoded = max(whole // self.per_latent * self.per_latent + 1, 1) if asked % self.per_latent != 1 else asked
        return decoded - self.cut

    def latents(self, made: int) -> int:
        """The latent frames of a video of so many frames."""
        if self.chunks is None:
            return (made - 1) // self.per_latent + 1
        whole = (made - self.chunks.rest) // self.chunks.frames
        return whole * self.chunks.latents + self.chunks.rest_latents

    @property
    def form(self) -> str:
        """The numbers of frames that are made, in words."""
        return f"{self.per_latent}k + 1" if self.chunks is None else f"{self.chunks.frames}k + {self.chunks.rest}"

    def enough(self, wanted: int) -> int:
        """The smallest number to ask for that makes at least `wanted` frames."""
        if self.chunks is not None:
            return max(self.chunks.up(wanted) - self.chunks.frames + 1, 1)
        return next(n for n in range(max(wanted - self.per_latent, 1), wanted + self.per_latent + self.cut + 1)
                    if (self.made(n) or n) >= wanted)  # fmt: skip


@dataclass(frozen=True)
class Length:
    """How long the videos of a job are.

    Attributes:
        asked: the number of frames that the job asks for.
        made: the number that the model makes.
        sizes: what the model can make.
    """

    asked: int
    made: int
    sizes: Sizes

    @classmethod
    def of(cls, sizes: Sizes, asked: int) -> Length | None:
        """What a model makes of a number of frames; None where the call decides."""
        made = sizes.made(asked)
        return None if made is None else cls(asked, made, sizes)

    @property
    def note(self) -> str:
        """In words, what is made in place of what is asked for; empty where they are the same."""
        if self.made == self.asked:
            return ""
        less = f" and cuts off {self.sizes.cut}" if self.sizes.cut else ""
        return f"{self.made} will be made: {self.sizes.pipeline} makes {self.sizes.form} frames{less}"


def sizes(pipeline: str, vae: str, vae_config: Config, network_config: Config) -> Sizes | None:
    """What a pipeline class makes with this autoencoder and network; None where that is not known.

    Args:
        pipeline: the name of the class.
        vae: the name of the class of its autoencoder.
        vae_config: the autoencoder's config.json.
        network_config: the config.json of its network.
    """
    declared = families.PIPELINES.get(pipeline)
    try:
        autoencoder = families.AUTOENCODERS.get(vae, Autoencoder(vae))
        covered, patch = autoencoder.covers(vae_config), _patch(network_config)
        chunks = autoencoder.chunks(vae_config) if autoencoder.chunks is not None else None
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError):
        return None  # a configuration that makes no sense, which loading will refuse
    if declared is None or covered is None:
        return None
    if not all(1 <= n <= MOST for n in (*covered, patch, 1 if chunks is None else chunks.frames)):
        return None
    time, space = covered
    cut = declared.cut(network_config) if declared.cut else 0
    multiple = math.lcm(declared.multiple, space * patch)
    return Sizes(pipeline, multiple, time, declared.rounds, cut, chunks, declared.lengths)


def check(known: Sizes, call: Call) -> None:
    """Raise UsageError for a size or a length that the model cannot make, with the nearest ones that it can."""
    frames = call.get("num_frames")
    if known.rounds == "exact" and isinstance(frames, int) and known.made(frames) != frames:
        below = known.made(frames) or 1
        raise UsageError(
            f"generator.num_frames={frames}: {known.pipeline} makes {known.per_latent}k + 1 frames; give {below} or "
            f"{below + known.per_latent}"
        )
    if known.lengths is not None and isinstance(frames, int):
        least, most = known.lengths
        if not least <= (known.made(frames) or frames) <= most:
            raise UsageError(
                f"generator.num_frames={frames}: {known.pipeline} makes {known.form} frames, rounded up, from "
                f"{known.made(least)} to {most}; give a number between these"
            )
    for key in ("height", "width"):
        side, step = call.get(key), known.multiple
        if isinstance(side, int) and side % step:
            below = side // step * step
            near = f"{below} or {below + step}" if below else str(step)
            raise UsageError(f"generator.{key}={side}: {known.pipeline} makes multiples of {step}; give {near}")


def usual_frames(pipeline: str, network: Config) -> int | None:
    """The number of frames that a pipeline makes unless it is told otherwise. Imports diffusers."""
    import diffusers

    cls = getattr(diffusers, pipeline, None)
    taken = parameters(cls) if cls is not None else {}
    usual = next((taken[name].default for name in LENGTHS if name in taken), None)
    usual = usual or network.get("num_frames") or network.get("sample_frames")  # where the network decides
    return usual if isinstance(usual, int) else None


def _patch(network: Mapping[str, Any]) -> int:
    """Latent pixels of a side that the network takes together: a patch, or what a U-Net halves to one."""
    if "down_block_types" in network:
        return int(2 ** (len(network["down_block_types"]) - 1))
    patch = network.get("patch_size") or 1
    return int(patch[-1] if isinstance(patch, (list, tuple)) else patch)
