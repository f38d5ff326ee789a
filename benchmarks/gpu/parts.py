"""The parts of the benchmark, in the order in which they run. Loads neither torch nor diffusers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, TypeAlias

Size: TypeAlias = Literal["full", "tiny"]
Row: TypeAlias = dict[str, Any]  # what was measured: texts, numbers and booleans by the names of page.COLUMNS
WAN, WAN_14B = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "Wan-AI/Wan2.1-T2V-14B-Diffusers"
COG, LTX, LTX_13B = "THUDM/CogVideoX-5b", "Lightricks/LTX-Video-0.9.5", "Lightricks/LTX-Video-0.9.7-dev"


class Unfit(Exception):
    """The part cannot be run here; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where and how large.

    Attributes:
        device: of torch, cuda or cpu.
        size: full, as models are published; tiny, the same classes small enough for a test on a CPU.
    """

    device: str
    size: Size

    @property
    def full(self) -> bool:
        """Whether models have their published sizes."""
        return self.size == "full"


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        name: on the command line and in the file of figures.
        title: on the page.
        target: the function that runs it, `module:function` below this package.
        given: its arguments after the place.
        limit: seconds after which its process is ended.
    """

    name: str
    title: str
    target: str
    given: tuple[Any, ...] = ()
    limit: int = 60

    def run(self, place: Place) -> list[Row]:
        """Measure, in this process. Raises Unfit where that is not possible."""
        module, _, function = self.target.partition(":")
        measure: Callable[..., list[Row]] = getattr(import_module(f"benchmarks.gpu.{module}"), function)
        return measure(place, *self.given)


PARTS = (
    Part("bits", "The same bits twice", "exact:twice"),
    Part("against-cpu", "The tiny pair against the CPU", "exact:against_cpu"),
    Part("step-wan-1.3b", "A step of Wan 2.1 1.3B", "steps:step", (WAN,)),
    Part("step-ltx-2b", "A step of LTX-Video 2B", "steps:step", (LTX,), 45),
    Part("step-cogvideox-5b", "A step of CogVideoX-5B", "steps:step", (COG,), 75),
    Part("step-wan-14b", "A step of Wan 2.1 14B", "steps:step", (WAN_14B,), 110),
    Part("particles", "Particles in one call of Wan 2.1 1.3B", "steps:particles", (WAN,)),
    Part("magi-1", "A chunk of MAGI-1 4.5B, one particle", "magi:chunk", (1,), 75),
    Part("magi-4", "A chunk of MAGI-1 4.5B, four particles", "magi:chunk", (4,), 90),
    Part("decode-wan", "Decoding by Wan 2.1's autoencoder", "decoding:decode", (WAN,)),
    Part("decode-ltx", "Decoding by LTX-Video's autoencoder", "decoding:decode", (LTX,), 45),
    Part("decode-cogvideox", "Decoding by CogVideoX's autoencoder", "decoding:decode", (COG,)),
    Part("vjepa-l", "V-JEPA 2 ViT-L", "rewards:against_published", ("vitl",), 75),
    Part("vjepa-h", "V-JEPA 2 ViT-H", "rewards:against_published", ("vith",), 75),
    Part("vjepa-g", "V-JEPA 2 ViT-g", "rewards:against_published", ("vitg",), 90),
    Part("guided-lean", "A guided step of Wan 2.1 1.3B, `lean`", "guided:guided", (WAN, "lean")),
    Part("guided-mean", "A guided step of Wan 2.1 1.3B, `mean`", "guided:guided", (WAN, "mean")),
    Part("guided-full", "A guided step of Wan 2.1 1.3B, `full`", "guided:guided", (WAN, "full")),
    Part("compile", "torch.compile on Wan 2.1 1.3B", "steps:compiled", (WAN,), 120),
    Part("offload", "Wan 2.1 14B offloaded", "steps:offloaded", (WAN_14B,), 110),
    Part("guided-lean-14b", "A guided step of Wan 2.1 14B, `lean`", "guided:guided", (WAN_14B, "lean"), 110),
)  # fmt: skip
NAMES = {part.name: part for part in PARTS}
