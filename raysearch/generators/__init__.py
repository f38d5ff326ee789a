"""Generators: what draws videos. Four methods make one for a prompt; a Model makes generators and is loaded once.

Importing this loads no model library. Latents are torch tensors [1, ...], fp32, on the model's device; one particle per
call, so that the same particle gives the same bits in any company.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.prompts import Prompt

if TYPE_CHECKING:
    import torch

Path = tuple[Any, Any, Any, Any]  # (a, s, a', s'): x = a*x0 + s*eps goes to a'*x0 + s'*eps


class Generator(Protocol):
    """One prompt's denoiser. steps: how many there are; 0 is pure noise, `steps` a finished video."""

    steps: int

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """Fresh noise, the state at step 0. `noise` is a CPU generator."""
        ...

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """x0_hat, the preview of the finished latents, from the state at step k; zero in frames not yet begun.

        With grad it can be differentiated.
        """
        ...

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """Frames [T, 3, H, W] in [0, 1], as many as x0 has begun; with grad they can be differentiated."""
        ...

    def path(self, k: int) -> Path:
        """(a, s, a', s') of the step from k to k + 1; floats, or tensors that broadcast over latent frames."""
        ...


class Model(Protocol):
    """A loaded replica. fps: of its videos."""

    fps: float

    def on(self, prompt: Prompt) -> Generator:
        """The generator for one prompt; its conditions are computed once."""
        ...


def load(config: Any, device: str = "cpu") -> Model:
    """The model that a `config.GeneratorConfig` names. Raises UsageError for an unknown name."""
    return found(config.name)(config, device)


def found(name: str) -> Callable[[Any, str], Model]:
    """What makes the model: `diffusers`, or `package.module:function` for a generator of one's own.

    The function takes (GeneratorConfig, device) and returns a Model. Raises UsageError where there is none.
    """
    if ":" not in name:
        return lookup("generator.name: generator", name, GENERATORS)
    module, _, function = name.partition(":")
    try:
        return getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"generator.name={name!r}: {error}; give `diffusers`, or package.module:function of a package that every "
            "worker can import"
        ) from None


def _diffusers(config: Any, device: str) -> Model:
    if config.chunks > 1:
        from raysearch.generators.chunked import ChunkedModel

        return ChunkedModel.load(config, device)
    from raysearch.generators.diffusers import DiffusersModel

    return DiffusersModel.load(config, device)


GENERATORS: dict[str, Callable[[Any, str], Model]] = {"diffusers": _diffusers}
