"""What a job asks of MAGI-1, held against the checkpoint before anything is loaded. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import inputs
from raysearch.generators.magi1.folder import TOKENS, Checkpoint, checkpoint
from raysearch.generators.magi1.stages import (
    CHUNK,
    FPS,
    FRAMES,
    PAST_SCALE,
    PER_LATENT,
    TEXT_SCALE,
    TWELVE,
    Shortcut,
    Stages,
    each_of,
    steps_of,
)
from raysearch.options import Natural, NonNegative
from raysearch.prompts import Prompt

SIDE = 16  # height and width are multiples of it


@dataclass(frozen=True)
class Options:
    """What a job may give under `generator.call` for MAGI-1.

    Attributes:
        window: chunks in flight at a time; 4 as published, 1 to finish each chunk before the next one begins.
        distilled: whether the model is distilled, where the name of its folder does not say so.
        quality: let captions say that the video is of high quality.
        duration: let captions say how many chunks are still to come.
        special_tokens: the file of these two tokens, special_tokens.npz; by default looked for above the network.
        past_scale: of guidance by earlier chunks, of base models; 1.5 as published.
        shortcut: how the lengths of the steps of a distilled model alternate that takes 12 steps a chunk.
        memo: finished chunks of which a replica keeps keys and values, 1.7 GB each (4.5B at 720 x 720).
    """

    window: Literal[4, 2, 1] = 4
    distilled: bool | None = None
    quality: bool = True
    duration: bool = True
    special_tokens: str | None = None
    past_scale: NonNegative | None = None
    shortcut: Shortcut = "8,16,16"
    memo: Natural = 4


@dataclass(frozen=True)
class MagiSettings:
    """Everything that follows from a job and a checkpoint, for all prompts.

    Attributes:
        checkpoint: the files.
        distilled: whether the model is sampled as a distilled one.
        made: chunks to make.
        each: steps of a chunk.
        height: of the video, in pixels.
        width: of the video, in pixels.
        text_scale: of guidance by the caption.
        past_scale: of guidance by earlier chunks.
        options: what the job gives under `generator.call`.
        frames: of the whole video, where the job says it.
    """

    checkpoint: Checkpoint
    distilled: bool
    made: int
    each: int
    height: int
    width: int
    text_scale: float
    past_scale: float
    options: Options
    frames: int | None = None

    def stages(self, given: int, prompt_id: str) -> Stages:
        """The plan of a video that begins with so many given frames.

        Raises:
            UsageError: where the job says how long the video is and that leaves another number of chunks to make.
        """
        latents = self.latents(given)
        chunks = latents // FRAMES + self.made
        if self.frames is not None and self.frames != CHUNK * chunks:
            raise UsageError(
                f"generator.num_frames={self.frames}: prompt {prompt_id!r} gives {CHUNK * (latents // FRAMES)} whole "
                f"frames, and generator.chunks={self.made} makes {CHUNK * self.made}; set num_frames={CHUNK * chunks}, "
                "or leave it out"
            )
        return Stages(chunks, latents, self.each, self.options.window)

    @staticmethod
    def latents(given: int) -> int:
        """Latent frames of so many given frames: one of an image, whole chunks of a clip of a second or more."""
        if given <= 1:
            return given
        whole = given // PER_LATENT
        return whole - whole % FRAMES if whole >= FRAMES else max(whole, 1)

    def kept(self, given: int) -> slice:
        """Which of the given frames are used: the last ones, so that the video goes on from the end of the clip."""
        latents = self.latents(given)
        return slice(given - (1 if given < PER_LATENT else PER_LATENT * latents), given)


def settings(config: GeneratorConfig, options: Options | None = None) -> MagiSettings:
    """What a job asks for.

    Args:
        config: its generator.
        options: what it gives under `generator.call`.

    Raises:
        UsageError: for what the model cannot do, and for settings of a base model with a distilled one or the reverse.
    """
    o = options or Options(**config.call)
    _refuse_unused(config)
    found = checkpoint(config.model, o.special_tokens)
    distilled = _distilled(found, o.distilled)
    height, width = _sides(config)
    assert config.steps is not None
    each = each_of(config.steps, config.chunks, o.window)
    _refuse_mixture(config, o, found, distilled, each)
    _refuse_missing(o, found)
    text_scale = TEXT_SCALE if config.guidance_scale is None else config.guidance_scale
    past_scale = PAST_SCALE if o.past_scale is None else o.past_scale
    return MagiSettings(
        found, distilled, config.chunks, each, height, width, text_scale, past_scale, o, config.num_frames
    )


def ends(config: GeneratorConfig) -> list[float]:
    """The ends of all chunks but the last, as fractions of the steps; see generators.layout.ends."""
    window = Options(**config.call).window
    assert config.steps is not None
    stages = Stages(config.chunks, 0, each_of(config.steps, config.chunks, window), window)
    return [end / stages.steps for end in stages.ends[:-1]]


def lengths(config: GeneratorConfig) -> list[int]:
    """Frames of each chunk that is made."""
    return [CHUNK] * config.chunks


def files(config: GeneratorConfig) -> list[Path]:
    """What the results depend on beside the network: autoencoder, text encoder, special tokens."""
    found = checkpoint(config.model, Options(**config.call).special_tokens)
    return [found.vae, found.text, *([found.tokens] if found.tokens else [])]


def check(config: GeneratorConfig, prompts: Iterable[Prompt]) -> None:
    """Check a job and its prompts without loading the model. Raises UsageError as `settings` and `stages` do."""
    asked = settings(config)
    for prompt in prompts:
        asked.stages(inputs.frame_count(prompt, config.fps), prompt.id)


def _refuse_unused(config: GeneratorConfig) -> None:
    """Raise UsageError for settings that MAGI-1 has not."""
    for name in ("shift", "negative_prompt", "decode_chunk", "revision", "slicing", "compile", "trust_remote_code"):
        if getattr(config, name):
            raise UsageError(f"generator.{name}={getattr(config, name)!r}: MAGI-1 has no such setting; leave it out")
    if config.times != "even":
        raise UsageError(f"generator.times={config.times!r}: MAGI-1 has a table of its own; leave it out")
    if config.fps != FPS:
        raise UsageError(f"generator.fps={config.fps}: MAGI-1 makes 24 frames per second; set generator.fps=24")


def _sides(config: GeneratorConfig) -> tuple[int, int]:
    sides = []
    for key in ("height", "width"):
        side = getattr(config, key)
        if side is None:
            raise UsageError(f"generator.{key} is missing; MAGI-1 was made for 720x720, 720x960 and 720x1280")
        if side % SIDE or side < 2 * SIDE:
            below = max(side // SIDE, 2) * SIDE
            raise UsageError(f"generator.{key}={side}: MAGI-1 makes multiples of 16 from 32 on; give {below}")
        sides.append(side)
    return sides[0], sides[1]


def _distilled(found: Checkpoint, said: bool | None) -> bool:
    if found.distilled is None and said is None:
        raise UsageError(
            f"{found.where}: its name does not say whether it is distilled, and its weights cannot; set "
            "generator.call.distilled=true or false"
        )
    if None not in (found.distilled, said) and found.distilled != said:
        raise UsageError(
            f"generator.call.distilled={str(said).lower()}: {found.network} is "
            f"{'a distilled' if found.distilled else 'a base'} model by its name; leave it out"
        )
    return bool(found.distilled if said is None else said)


def _refuse_missing(o: Options, found: Checkpoint) -> None:
    """Raise UsageError for special tokens that are wanted and not there, and a package that reading captions takes."""
    if found.tokens is None and (o.quality or o.duration):
        raise UsageError(
            f"{found.where}: there is no {TOKENS} beside it or above it; copy example/assets/{TOKENS} of "
            "SandAI-org/MAGI-1 there, or set generator.call.quality=false and generator.call.duration=false"
        )
    needed = {"bs4": "beautifulsoup4", "ftfy": "ftfy"}
    if not (found.text / "tokenizer.json").is_file():
        needed["sentencepiece"] = "sentencepiece"
    for module, package in needed.items():
        if find_spec(module) is None:
            raise UsageError(
                f"generator.name='magi1': captions take the Python package {package}: pip install {package}"
            )


def _refuse_mixture(config: GeneratorConfig, o: Options, found: Checkpoint, distilled: bool, each: int) -> None:
    """Raise UsageError for a base model sampled as a distilled one, or the reverse, whose videos would be noise."""
    if distilled:
        for key, given in (("guidance_scale", config.guidance_scale), ("call.past_scale", o.past_scale)):
            if given is not None:
                raise UsageError(
                    f"generator.{key}={given:g}: {found.network} is distilled, and distilled models are not guided; "
                    "leave it out, or give a base model"
                )
    elif each == TWELVE:
        at = steps_of(config.chunks, 64, o.window)
        raise UsageError(
            f"generator.steps={config.steps}: 12 steps a chunk are for distilled models, and {found.network} is a base "
            f"model; give {at} for 64 steps a chunk"
        )
    if o.shortcut != "8,16,16" and each != TWELVE:
        raise UsageError(
            f"generator.call.shortcut={o.shortcut!r}: only for distilled models with 12 steps a chunk; here a chunk "
            f"takes {each}; leave it out"
        )
