"""A tiny video decoder of the TAEHV kind, for previews: a few convolutions in place of a whole autoencoder.

The layout is that of the published tiny autoencoders of video models (madebyollin/taehv: Hunyuan, Wan, CogVideoX,
LTX-2): three stages of blocks that see their own input of the frame before, each followed by an enlargement in space
and, where a stage has one, in time. All widths and factors are read from the shapes of the tensors, so any file with
this layout loads; an encoder that stands in the same file is left out. Input are the latents as the network makes
them, without the mean and scale by which the model's own autoencoder undoes its normalisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle

from raysearch.errors import UsageError
from raysearch.pretrained import SHOWN, single

STAGES, BLOCKS = 3, 3  # stages of a decoder, and blocks of a stage
PREFIX = "decoder."
SPACE = 1 << STAGES  # each stage doubles height and width
AT_ONCE = 4  # latent frames that are decoded together; more take more memory


@dataclass(frozen=True)
class Layout:
    """What the shapes of a tiny decoder say.

    Attributes:
        channels: of the latents.
        widths: channels of the three stages and of the last convolution.
        grows: frames that each stage makes of one.
        patch: pixels of a side that the last convolution makes of one position.
    """

    channels: int
    widths: tuple[int, int, int, int]
    grows: tuple[int, int, int] = (1, 2, 2)
    patch: int = 1

    @property
    def space(self) -> int:
        """Pixels of a side that a latent pixel becomes."""
        return SPACE * self.patch

    @property
    def time(self) -> int:
        """Frames that a latent frame becomes; of the first one only the last of them is a frame of the video."""
        first, second, third = self.grows
        return first * second * third


class Clamp(nn.Module):
    """Keeps latents within (-3, 3), smoothly."""

    def forward(self, x: Tensor) -> Tensor:
        """3 tanh(x / 3)."""
        return torch.tanh(x / 3) * 3


class Remembering(nn.Module):
    """A residual block that sees a frame beside its own input of the frame before."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor, past: Tensor) -> Tensor:
        """x and past: [T, C, H, W], past being x one frame earlier."""
        return torch.relu(self.conv(torch.cat([x, past], 1)) + x)


class Grow(nn.Module):
    """Doubles height and width, and makes several frames of each."""

    def __init__(self, width: int, frames: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width * frames, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[T, C, H, W] to [T * frames, C, H, W]."""
        grown: Tensor = self.conv(x)
        return grown.reshape(-1, x.shape[1], *x.shape[2:])


class Double(nn.Module):
    """Doubles height and width by repeating pixels."""

    def forward(self, x: Tensor) -> Tensor:
        """[T, C, H, W] to [T, C, 2H, 2W]."""
        return interpolate(x, scale_factor=2.0, mode="nearest")


class TinyDecoder(nn.Module):
    """Latents [F, C, h, w], as the network makes them, to frames [1 + (F - 1) * time, 3, H, W] in [0, 1]."""

    def __init__(self, layout: Layout):
        super().__init__()
        self.layout = layout
        first, widths = layout.widths[0], layout.widths
        blocks: list[nn.Module] = [Clamp(), nn.Conv2d(layout.channels, first, 3, padding=1), nn.ReLU()]
        for stage in range(STAGES):
            blocks += [Remembering(widths[stage]) for _ in range(BLOCKS)]
            blocks += [Double(), Grow(widths[stage], layout.grows[stage])]
            blocks.append(nn.Conv2d(widths[stage], widths[stage + 1], 3, padding=1, bias=False))
        blocks += [nn.ReLU(), nn.Conv2d(widths[-1], 3 * layout.patch**2, 3, padding=1)]
        self.decoder = nn.Sequential(*blocks)

    def forward(self, z_FCHW: Tensor) -> Tensor:
        """The frames of latents; a frame depends on those before it, however many are decoded together."""
        memory: dict[int, Tensor] = {}
        starts = range(0, len(z_FCHW), AT_ONCE)
        pieces = [self._frames(z_FCHW[start : start + AT_ONCE], memory) for start in starts]
        return torch.cat(pieces)[self.layout.time - 1 :]

    def _frames(self, x: Tensor, memory: dict[int, Tensor]) -> Tensor:
        for i, block in enumerate(self.decoder):
            if isinstance(block, Remembering):
                before = memory.get(i, torch.zeros_like(x[:1]))
                memory[i] = x[-1:]
                x = block(x, torch.cat([before, x[:-1]]))
            else:
                x = block(x)
        return pixel_shuffle(x, self.layout.patch).clamp(0, 1)


def layout(shapes: Mapping[str, tuple[int, ...]], file: str, key: str) -> Layout:
    """What the shapes of a file say of its decoder.

    Raises:
        UsageError: for a file whose tensors are not those of a tiny decoder, naming the first that differ.
    """
    own = {name: shape for name, shape in shapes.items() if name.startswith(PREFIX)}
    if not own:
        raise UsageError(
            f"{key}={file!r}: holds no tensor decoder.*, so it is no tiny video decoder (TAEHV: taew2_1, taehv, ...)"
        )
    try:
        known = _layout(own)
        with torch.device("meta"):
            wanted = {name: tuple(value.shape) for name, value in TinyDecoder(known).state_dict().items()}
    except (KeyError, IndexError, ZeroDivisionError, RuntimeError, ValueError):
        raise UsageError(f"{key}={file!r}: its decoder has not the layout of a tiny video decoder (TAEHV)") from None
    wrong = sorted(name for name in wanted.keys() | own.keys() if wanted.get(name) != own.get(name))
    if wrong:
        raise UsageError(
            f"{key}={file!r}: {len(wrong)} tensors are missing, unknown or of another shape than those of a tiny "
            f"video decoder (TAEHV): {', '.join(wrong[:SHOWN])}{', ...' if len(wrong) > SHOWN else ''}"
        )
    return known


def _layout(shapes: Mapping[str, tuple[int, ...]]) -> Layout:
    """From the first convolution and, of every stage, what enlarges and what leads to the next."""
    each = BLOCKS + 3
    grow = [shapes[f"{PREFIX}{3 + BLOCKS + 1 + stage * each}.conv.weight"] for stage in range(STAGES)]
    out = [shapes[f"{PREFIX}{3 + BLOCKS + 2 + stage * each}.weight"][0] for stage in range(STAGES)]
    last = shapes[f"{PREFIX}{3 + STAGES * each + 1}.weight"][0]
    first = shapes[f"{PREFIX}1.weight"]
    a, b, c = (shape[0] // shape[1] for shape in grow)
    return Layout(first[1], (first[0], out[0], out[1], out[2]), (a, b, c), int((last // 3) ** 0.5))


def load(file: Path, key: str) -> TinyDecoder:
    """The decoder of a safetensors file. Raises UsageError for another kind of file."""
    from safetensors.torch import load_file

    decoder = TinyDecoder(layout(single.shapes(file), str(file), key))
    decoder.load_state_dict({name: t for name, t in load_file(file).items() if name.startswith(PREFIX)})
    return decoder.eval().requires_grad_(False)


def save(decoder: TinyDecoder, file: Path, about: Mapping[str, Any] | None = None) -> None:
    """Write a decoder as `load` reads it; `about` goes into the metadata of the file, as text."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in decoder.state_dict().items()}
    save_file(tensors, file, {name: str(value) for name, value in (about or {}).items()})
