"""What stands between a pipeline and its parts while it is driven step by step: rules that some families need.

Conditions are computed once and are the same in every call, for every particle and on every machine; positions that a
pipeline conditions on hold their clean value in the state, so that no kernel, mutation or re-noising moves them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

ONCE = (
    "encode_prompt",
    "encode_image",
    "_encode_image",
    "preprocess_conditions",
    "prepare_video_latents",
    "prepare_masks",
)
REMEMBERED = 8  # answers of one method: more come only of tensors that are new in every call


def held(pipe: Any, x: torch.Tensor, new: torch.Tensor, rest: list) -> torch.Tensor:
    """x with the conditioned positions at their clean value. new, *rest: what prepare_latents gave."""
    name = type(pipe).__name__
    if name == "LTXConditionPipeline" and rest[0] is not None:
        return torch.where(rest[0].unsqueeze(-1) >= 1 - 1e-6, new.to(x), x)
    if name == "LTXImageToVideoPipeline":
        return torch.where(rest[0].unsqueeze(-1) == 1, new.to(x), x)
    if name.startswith("Cosmos2_5_Predict"):
        return torch.where(rest[1].bool(), rest[0].to(x), x)
    if name == "Cosmos2VideoToWorldPipeline":
        return torch.where(rest[1].bool(), rest[0].to(x), x)
    if name == "SanaImageToVideoPipeline":
        return torch.cat([new[:, :, :1].to(x), x[:, :, 1:]], dim=2)
    if name == "WanImageToVideoPipeline" and len(rest) == 2:
        return torch.where(rest[1] == 0, rest[0].to(x), x)
    if name.startswith("SkyReelsV2DiffusionForcing") and rest and rest[-1]:
        return torch.cat([rest[-2][:, :, : rest[-1]].to(x), x[:, :, rest[-1] :]], dim=2)
    return x


def shown(pipe: Any, frames: torch.Tensor, call: dict[str, Any]) -> torch.Tensor:
    """Decoded frames [T, ...] without those that SkyReels V2 DF continuation puts before a video that has them too."""
    doubled = type(pipe).__name__ == "SkyReelsV2DiffusionForcingVideoToVideoPipeline"
    return frames[len(call["video"]) :] if doubled else frames


def compute_once(owner: Any, name: str, tensors: bool = True) -> None:
    """Remember a method's answers. tensors=False leaves calls with tensor arguments alone: they are new every time."""
    method = getattr(owner, name, None)
    known: dict[Any, tuple] = {}
    if method is None:
        return

    def once(*args: Any, **options: Any) -> Any:
        if not tensors and any(isinstance(v, torch.Tensor) for v in (*args, *options.values())):
            return method(*args, **options)
        key = _identity(args), _identity(tuple(sorted(options.items())))
        if key not in known:
            with torch.no_grad():
                known[key] = method(*args, **options), args, options  # the arguments stay alive: keys hold their ids
            if len(known) > REMEMBERED:
                del known[next(iter(known))]
        return known[key][0]

    setattr(owner, name, once)


def _identity(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_identity(v) for v in value)
    if isinstance(value, torch.Generator):
        return "generator"
    if isinstance(value, (str, int, float, bool, type(None), torch.device, torch.dtype)):
        return value
    return id(value), getattr(value, "_version", 0)


def mode_not_sample(vae: Any) -> Any:
    """The VAE with posteriors that answer with their mode: a condition is the same in every call and everywhere."""
    result = copy.copy(vae)
    encode: Callable = vae.encode

    def deterministic(*args: Any, **options: Any) -> Any:
        out = encode(*args, **options)
        if hasattr(out, "latent_dist"):
            posterior = out.latent_dist
            posterior.sample = lambda generator=None: posterior.mode()
        return out

    object.__setattr__(result, "encode", deterministic)
    return result


@contextmanager
def global_noise(noise: torch.Generator, device: torch.device) -> Iterator[None]:
    """Have torch's global random numbers come from `noise` for a while, and leave them as they were.

    SkyReels noises its history with them (addnoise_condition). On a GPU they are others than on the CPU.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(torch.randint(1 << 62, (1,), generator=noise)))
        yield


def frames_of_vae(pipe: Any, run: Callable[[], Any]) -> torch.Tensor:
    """The frames [1, 3, T, H, W] in [-1, 1] that the VAE decodes during `run`, which ends there."""
    vae, decode = pipe.vae, pipe.vae.decode

    class Caught(Exception):
        pass

    def caught(*args: Any, **options: Any) -> Any:
        raise Caught(decode(*args, **options)[0])

    pipe.vae = copy.copy(vae)
    object.__setattr__(pipe.vae, "decode", caught)
    try:
        run()
    except Caught as frames:
        return frames.args[0]
    finally:
        pipe.vae = vae
    raise RuntimeError(f"{type(pipe).__name__} does not decode by vae.decode")


def same_noise_on_the_image(pipe: Any, strength: float) -> None:
    """Stable Video Diffusion adds noise to its image anew in every call; here every call sees the same noisy image.

    The noise is the first of the generator with seed 0, as in a stock call with that seed.
    """
    preprocess, encode = pipe.video_processor.preprocess, pipe._encode_vae_image
    clean: list[torch.Tensor] = []
    known: list[torch.Tensor] = []

    def remember(*args: Any, **options: Any) -> torch.Tensor:
        clean[:] = [preprocess(*args, **options)]
        return clean[0]

    def noisy(image: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        if not known:
            noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0)).to(image)
            with torch.no_grad():
                seen = clean[0].to(image) + strength * noise
                known.append(encode(seen, *args, **options))
        return known[0]

    pipe.video_processor.preprocess, pipe._encode_vae_image = remember, noisy
