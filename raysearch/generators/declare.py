"""What a family file declares, and the ways of conditioning and holding frames that several families share.

Each file in families/ stands for one family of video models and may define

    PIPELINES     its pipeline classes of diffusers: what they take, and how a prompt becomes arguments of their call
    AUTOENCODERS  how its autoencoders decode, and what a job may ask of them
    REFUSED       classes that cannot be driven one step at a time, with the reason
    SCHEDULERS    scheduler classes that are replaced by another of the same table
    MODELS        models that ship with raysearch

families/__init__.py finds the files and derives every table from them. Importing a family loads neither torch nor
diffusers: functions that work on tensors or images import what they need when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raysearch.errors import UsageError
from raysearch.generators.blocks import BlockRoles
from raysearch.generators.lengths import Chunks, Rounding

if TYPE_CHECKING:
    import torch

Frames: TypeAlias = NDArray[np.uint8]  # [T, H, W, 3]
Call: TypeAlias = dict[str, Any]  # arguments of a pipeline call: their types differ by class
Pipeline: TypeAlias = Any  # a diffusers pipeline: its parts and methods differ by class, and none of them is typed
Condition: TypeAlias = Callable[[Frames, Call, str], Call]
Size: TypeAlias = tuple[int, int]  # height and width
Shape: TypeAlias = Callable[[Pipeline, Call, Size], Size]
Hold: TypeAlias = "Callable[[torch.Tensor, torch.Tensor, list[Any]], torch.Tensor]"

Config: TypeAlias = Mapping[str, Any]  # the config.json of a part: its entries differ by class

KINDS = ("text", "image", "frames")  # what a prompt may give
TEXT = ("text",)
TEXT_IMAGE = ("text", "image")
FTFY = ("ftfy",)


def ratios(config: Config) -> tuple[int, int] | None:
    """What an autoencoder covers, of those that write it down: frames per latent frame, and pixels of a side."""
    time, space = config.get("temporal_compression_ratio"), config.get("spatial_compression_ratio")
    return (int(time), int(space)) if time and space else None


@dataclass(frozen=True)
class PipelineClass:
    """A pipeline class of diffusers, as a search needs to know it.

    Attributes:
        pipeline: the name of the class.
        name: the models that it runs, for people.
        takes: which of text, image and frames a prompt may give.
        needs_frames: whether a prompt has to give an image or frames.
        condition: turns conditioning frames into arguments of the call. It receives the frames, the part of the call
            that no prompt changes (with all sizes) and the id of the prompt.
        shape: height and width at which a pipeline takes conditioning frames. It receives the pipeline, the part of
            the call that no prompt changes, completed with the defaults of its signature, and the size of the frames.
        uses: how many of so many conditioning frames the class takes, which are then the last ones: those next to the
            frames to make. It receives the number and how many frames a latent frame stands for. Unset, it takes all.
        image_sizes: whether the image decides the size of the video, and the call takes no height and width.
        sound: whether the pipeline makes sound with the video, so that a particle is both (several.py).
        sound_if: an argument of the call that makes a pipeline, which makes videos alone otherwise, make sound as well
            (inside.py).
        single: whether the call returns its video without a batch axis.
        redraws: whether the frames of a prompt are not the beginning of the video but what it is a new version of: it
            starts from them, noised as `call.strength` says, and has their length.
        held: whether conditioning frames come back unchanged, up to the autoencoder. Elsewhere the network sees them
            and is free to follow.
        hold: returns latents with the conditioned positions at their clean value. It receives the latents, those that
            `prepare_latents` returned, and the other values that it returned.
        trim: removes frames of the decoded video that stand in it twice. It receives the frames and the call.
        adapt: changes methods of a pipeline that is about to be driven. It receives the pipeline and the call.
        global_noise: the argument of the call that makes the pipeline draw from torch's global random generator.
        siblings: the class of the same weights that takes an `image`, or `frames`.
        siblings_if: an entry of the pipeline's configuration that has to be true for `siblings` to apply.
        continuation: the class that makes the later chunks of a video that is made chunk by chunk; empty if the class
            makes a video as a whole only.
        check_call: raises UsageError for arguments of the call with which the class cannot be driven.
        needs: Python packages that diffusers imports only when the pipeline runs.
        reads: Python packages that it takes to encode a text.
        builds: parts that the pipeline builds itself where the model does not bring them, each with the Python package
            that this takes.
        builds_if: an entry of the pipeline's configuration with which it builds them, where that is not always so.
        batch: what is given once per particle where several particles share a call: `prompts`, or `frames` as well;
            empty if they cannot share one.
        rate: the argument of the call by which the network is told the frame rate; empty where it is not.
        multiple: what the call itself wants height and width to be a multiple of; what a latent pixel and a patch of
            the network cover comes on top (sizes.py).
        tokens: the most of a text that the encoder is given, special ones included; it cuts what is longer. The call's
            max_sequence_length takes its place; 0 where it is not known.
        rounds: how a number of frames that does not fill whole latent frames is rounded; see `Rounding`.
        lengths: the fewest and the most frames of a video, where it refuses others.
        blocks: of a pipeline that diffusers has in blocks only, how they are driven (modular.py).
        cut: frames that the pipeline cuts off after decoding, from the configuration of its network.
        unfit: why a network of this configuration cannot be driven one step at a time; empty where it can.
        notes: remarks for the table of families.
        tested: whether the contract suite in tests/zoo runs the class everywhere.
        why: what a test of the class would take, where `tested` is false.
        refused: why the class cannot be driven one step at a time; empty where it can.
        probed: whether all this was read from the code of the class (probing.py), because no family declares it.
    """

    pipeline: str
    name: str
    takes: tuple[str, ...]
    needs_frames: bool = False
    condition: Condition | None = None
    shape: Shape | None = None
    uses: Callable[[int, int], int] | None = None
    image_sizes: bool = False
    sound: bool = False
    sound_if: str = ""
    single: bool = False
    redraws: bool = False
    held: bool = False
    hold: Hold | None = None
    trim: Callable[[torch.Tensor, Call], torch.Tensor] | None = None
    adapt: Callable[[Pipeline, Call], None] | None = None
    global_noise: str = ""
    siblings: Mapping[str, str] = field(default_factory=dict)
    siblings_if: str = ""
    continuation: str = ""
    check_call: Callable[[Call], None] | None = None
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    builds: Mapping[str, str] = field(default_factory=dict)
    builds_if: str = ""
    batch: str = "prompts"
    rate: str = ""
    multiple: int = 16
    tokens: int = 0
    rounds: Rounding = "down"
    lengths: tuple[int, int] | None = None
    blocks: BlockRoles | None = None
    cut: Callable[[Config], int] | None = None
    unfit: Callable[[Config], str] | None = None
    notes: str = ""
    tested: bool = True
    why: str = ""
    refused: str = ""
    probed: bool = False


@dataclass(frozen=True)
class Autoencoder:
    """An autoencoder class of diffusers, as `generator.tiling` and `generator.decode_chunk` need to know it.

    Attributes:
        name: the name of the class.
        tiles: whether it can decode in tiles.
        always: latent frames that it decodes at a time for videos of any length, with a cache of the past; 0 if it
            does not do so.
        least: the smallest `decode_chunk` with which it can decode in pieces; 0 if it cannot.
        unset: what it does without `decode_chunk`, for the documentation.
        instead: what to do where a job asks for pieces and there are none.
        covers: from its configuration, how many frames a latent frame stands for, and how many pixels of a side a
            latent pixel; None where it cannot be told.
        chunks: from its configuration, of one that makes n chunks of c frames and r more: c, r, and how many latent
            frames each of the two is.
    """

    name: str
    tiles: bool = True
    always: int = 0
    least: int = 0
    unset: str = "whole"
    instead: str = "try tiling"
    covers: Callable[[Config], tuple[int, int] | None] = ratios
    chunks: Callable[[Config], Chunks] | None = None


@dataclass(frozen=True)
class ShippedModel:
    """A model that ships with raysearch, named in a job by `generator.model`.

    Attributes:
        name: its name in a job.
        folder: returns the folder with its model_index.json, or, of MAGI-1, that of its network.
        register: imports the classes that diffusers looks up by name when it loads the model.
        preview: returns the file of its tiny decoder, which a job names `generator.preview.decoder: NAME`.
    """

    name: str
    folder: Callable[[], Path]
    register: Callable[[], None]
    preview: Callable[[], Path] | None = None


def image(frames: Frames, call: Call, prompt_id: str) -> Call:
    """Condition on the first frame; the pipeline resizes it."""
    return {"image": pictures(frames)[0]}


def sized_image(frames: Frames, call: Call, prompt_id: str) -> Call:
    """Condition on the first frame at the size of the video, for a class that does not resize what it is given."""
    return {"image": pictures(frames, call)[0]}


def pictures(frames: Frames, call: Call | None = None) -> list[Any]:
    """PIL images of frames, resized to the `width` and `height` of the call if one is given."""
    from PIL import Image

    images = [Image.fromarray(f) for f in frames]
    return [i.resize((call["width"], call["height"]), Image.Resampling.BICUBIC) for i in images] if call else images


def video_length(frames: Frames, call: Call, prompt_id: str) -> int:
    """The number of frames of the whole video. Raises UsageError if the conditioning frames leave none to make."""
    total: int = call["num_frames"]
    if len(frames) >= total:
        raise too_long(prompt_id, len(frames), total)
    return total


def too_long(prompt_id: str, given: int, total: int) -> UsageError:
    """The error for a clip that is as long as the whole video, or longer; `given` counts no further than `total`."""
    return UsageError(
        f"prompt {prompt_id!r} has {'at least ' * (given == total)}{given} conditioning frames, but "
        f"generator.num_frames={total} counts them too; set it higher or give a shorter clip"
    )


def redrawn(frames: Frames, call: Call, prompt_id: str) -> Call:
    """The clip to make a new version of: its first `num_frames`, of which whole latent frames of four are used."""
    length = min(len(frames), call.get("num_frames") or len(frames))
    return {"video": pictures(frames[: (length - 1) // 4 * 4 + 1], call)}


def whole_latents(given: int, per_latent: int) -> int:
    """Of conditioning frames, those that fill whole latent frames after the first one."""
    return (given - 1) // per_latent * per_latent + 1


def hold_first(x: torch.Tensor, clean: torch.Tensor, count: int) -> torch.Tensor:
    """x [1, C, F, h, w] with its first `count` latent frames replaced by those of `clean`."""
    import torch

    return torch.cat([clean[:, :, :count].to(x), x[:, :, count:]], dim=2)
