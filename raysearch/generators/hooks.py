"""Changes to a pipeline's methods while it is driven step by step, the same for every family.

Conditions are computed once and are the same in every call, for every particle and on every machine. What a single
family needs stands in its file in families/.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from raysearch.generators.conditions import Answers, CannotCarry, digest
from raysearch.generators.declare import Pipeline
from raysearch.generators.memory import CONDITIONS

ONCE = (*CONDITIONS, "preprocess_conditions", "prepare_video_latents", "prepare_masks")  # they compute conditions
REMEMBERED = 8  # answers of one method: there are more only if it is asked with tensors that are new in every call


def compute_once(owner: Any, name: str, tensors: bool = True) -> None:
    """Make a method remember its answers.

    Args:
        owner: the object whose method is replaced; nothing happens if it has none of that name.
        name: the method.
        tensors: whether calls with tensor arguments are remembered too; they may be new in every call.
    """
    method = getattr(owner, name, None)
    answers: dict[Any, tuple[Any, ...]] = {}
    if method is None:
        return

    def once(*args: Any, **options: Any) -> Any:
        if not tensors and any(isinstance(v, torch.Tensor) for v in (*args, *options.values())):
            return method(*args, **options)
        key = _identity(args), _identity(tuple(sorted(options.items())))
        if key not in answers:
            with torch.no_grad():
                answers[key] = method(*args, **options), args, options  # arguments stay alive: keys hold their ids
            if len(answers) > REMEMBERED:
                del answers[next(iter(answers))]
        return answers[key][0]

    setattr(owner, name, once)


def compute_once_by_content(owner: Any, name: str, answers: Answers) -> None:
    """Make a method remember its answers by the content of its arguments.

    Args:
        owner: the object whose method is replaced; nothing happens if it has none of that name.
        name: the method.
        answers: where they are remembered, and those that came from elsewhere are found.
    """
    compute_once(owner, name)  # for arguments of which only the object is known
    method = getattr(owner, name, None)
    if method is None:
        return

    def once(*args: Any, **options: Any) -> Any:
        try:
            key = digest(name, args, options)
        except CannotCarry:
            return method(*args, **options)
        if key not in answers:
            answers[key] = method(*args, **options)
            if len(answers) > REMEMBERED * len(CONDITIONS):
                del answers[next(iter(answers))]
        return answers[key]

    setattr(owner, name, once)


def _identity(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(id(v) if _is_picture(v) else _identity(v) for v in value)
    if isinstance(value, torch.Generator):
        return "generator"
    if isinstance(value, (str, int, float, bool, type(None), torch.device, torch.dtype)):
        return value
    if _is_picture(value):  # one alone is often made anew in every call, and a clip is not
        return value.size, value.mode, hash(value.tobytes())
    return id(value), getattr(value, "_version", 0)


def _is_picture(value: Any) -> bool:
    return type(value).__module__.startswith("PIL.")


def compute_once_per_shape(owner: Any, name: str) -> None:
    """Make a method remember its answer to tensors of these shapes, for conditions that only take their shape from the
    latents they are given."""
    method, answers = getattr(owner, name), {}

    def once(*args: Any, **options: Any) -> Any:
        shapes = tuple(v.shape for v in (*args, *options.values()) if isinstance(v, torch.Tensor))
        if shapes not in answers:
            with torch.no_grad():
                answers[shapes] = method(*args, **options)
        return answers[shapes]

    setattr(owner, name, once)


def mode_not_sample(vae: Any) -> Any:
    """A copy of an autoencoder whose posteriors return their mode, so that a condition is the same in every call."""
    result = copy.copy(vae)
    encode: Callable[..., Any] = vae.encode

    def deterministic(*args: Any, **options: Any) -> Any:
        out = encode(*args, **options)
        if hasattr(out, "latent_dist"):
            posterior = out.latent_dist
            posterior.sample = lambda generator=None: posterior.mode()
        return out

    object.__setattr__(result, "encode", deterministic)  # a module would take the attribute for a submodule
    return result


@contextmanager
def global_noise(noise: torch.Generator, device: torch.device) -> Iterator[None]:
    """Within, torch's global random numbers come from `noise`; afterwards they go on as if nothing had been drawn.

    For pipelines that draw from them (SkyReels adds noise to its history). A GPU draws other numbers than the CPU.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(torch.randint(1 << 62, (1,), generator=noise)))
        yield


def frames_of_vae(pipe: Pipeline, run: Callable[[], Any]) -> torch.Tensor:
    """The frames [1, 3, T, H, W] in [-1, 1] that the autoencoder decodes during `run`, which is stopped there."""
    vae, decode = pipe.vae, pipe.vae.decode

    class Decoded(Exception):
        pass

    def stop(*args: Any, **options: Any) -> Any:
        raise Decoded(decode(*args, **options)[0])

    pipe.vae = copy.copy(vae)
    object.__setattr__(pipe.vae, "decode", stop)
    try:
        run()
    except Decoded as decoded:
        frames: torch.Tensor = decoded.args[0]
        return frames
    finally:
        pipe.vae = vae
    raise RuntimeError(f"{type(pipe).__name__} does not decode by vae.decode")
