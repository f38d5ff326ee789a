"""Turns a diffusers scheduler into one that predicts instead of moving: step() returns x0_hat.

A pipeline call then is one step, `x0_hat = denoise(x, k)`, whatever the pipeline does inside: guidance, per-token
times, conditioned frames. Both tables are cut to the step, because pipelines index them by a local counter. How a
particle moves is computed outside, in raysearch.sampling.kernels, once for all families.
"""

from __future__ import annotations

import copy
import inspect
import types
from typing import Any, TypeAlias

import torch

from raysearch import pretrained
from raysearch.errors import UsageError
from raysearch.generators.families import SCHEDULERS

Scheduler: TypeAlias = Any  # of diffusers: their tables and configuration differ by class
NOT_DDIM = ("skip_prk_steps", "original_inference_steps")  # PNDM and its kin; LCM and TCD
Table: TypeAlias = list[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]


class OneStep:
    """Mixed in front of a scheduler class.

    Attributes:
        at: the step to take.
        table: (a, s, a', s') of every step.
        start: the scale of the initial noise.
        skip: steps at the beginning of the scheduler's own table that are left out, because the video starts from a
            clip with less noise.
        origin: the clean latents of that clip, once the pipeline has noised them.
        asked: the arguments with which the pipeline set the times.
        watch: called with (this scheduler, v, t, x, x0_hat) at every step, where somebody watches (trial.py).
    """

    at: int
    table: Table
    start: Any
    skip: int = 0
    origin: torch.Tensor | None = None
    asked: tuple[tuple[Any, ...], dict[str, Any]]
    watch: Any = None

    def set_timesteps(self: Any, *args: Any, **options: Any) -> None:
        """Fill the table by the scheduler's own method, then keep the entries of the step to take."""
        super().set_timesteps(*args, **options)  # type: ignore[misc]
        self.asked = args, options
        sigmas, times, k = getattr(self, "sigmas", None), self.timesteps, self.skip + self.at
        if sigmas is not None and self.config.get("final_sigmas_type") == "sigma_min":
            sigmas[-1] = sigmas[-2]  # Cosmos2 does this from outside
        self.table = _table(self, sigmas, times)[self.skip :]
        self.start = _initial_scale(self)
        self.timesteps = times[k : k + 1]
        if sigmas is not None:
            self.sigmas = torch.cat(
                [sigmas[k : k + 2], sigmas[k + 1 : k + 2]]
            )  # spare last entry: Cosmos2 overwrites it

    def step(
        self: Any,
        v: Any,
        t: Any,
        x: Any,
        *args: Any,
        per_token_timesteps: Any = None,
        pred_original_sample: Any = None,
        return_dict: bool = True,
        **_: Any,
    ) -> Any:
        """x0_hat from the network's output v at the state x, or the one that is given, in place of the next state."""
        if pred_original_sample is not None:  # Cosmos 1 guides between predictions and then steps
            return (
                types.SimpleNamespace(prev_sample=pred_original_sample) if return_dict else (pred_original_sample,) * 2
            )
        v, y = v.float(), x.float()
        a, s = (q.to(y.device) for q in self.table[self.at][:2])
        if per_token_timesteps is not None:  # LTX conditions: a time per token, and minus v
            v, s = -v, per_token_timesteps.float().unsqueeze(-1) / self.config.num_train_timesteps
        if self.config.get("invert_sigmas", False):  # Mochi: velocity points to the data
            v = -v
        if hasattr(self, "precondition_outputs"):  # EDM: c_skip(s) y + c_out(s) v
            x0 = self.precondition_outputs(y, v, s)
        else:
            x0 = _x0_hat(self.config.get("prediction_type", "flow_prediction"), y, v, a, s)
        if self.watch is not None:
            self.watch(self, v, t, x, x0)
        return types.SimpleNamespace(prev_sample=x0) if return_dict else (x0, x0)


def one_step(scheduler: Scheduler) -> Scheduler:
    """A copy of `scheduler` with the same configuration and tables whose step() returns x0_hat."""
    if replacement := SCHEDULERS.get(type(scheduler).__name__):
        import diffusers

        scheduler = pretrained.reconfigured(getattr(diffusers, replacement), scheduler.config)
    cls = type(scheduler)
    members: dict[str, Any] = {name: _with_signature(name, getattr(cls, name)) for name in ("set_timesteps", "step")}
    for name in ("add_noise", "scale_noise"):
        if hasattr(cls, name):
            members[name] = _remembering(getattr(cls, name))
    members["init_noise_sigma"] = property(lambda self: self.start)
    result = copy.deepcopy(scheduler)
    result.__class__ = type(f"OneStep{cls.__name__}", (OneStep, cls), members)
    result.at = 0
    return result


def _remembering(method: Any) -> Any:
    """A scheduler's method that noises clean latents, which it keeps as `origin`."""

    def noised(self: Any, clean: torch.Tensor, *args: Any, **options: Any) -> Any:
        self.origin = clean
        return method(self, clean, *args, **options)

    return noised


def _with_signature(name: str, of: Any) -> Any:
    """OneStep's method with the signature of the method that it replaces: pipelines inspect signatures."""
    method = getattr(OneStep, name)
    f = types.FunctionType(method.__code__, method.__globals__, name, method.__defaults__, method.__closure__)
    f.__kwdefaults__ = method.__kwdefaults__
    f.__signature__ = inspect.signature(of)  # type: ignore[attr-defined]
    return f


def _x0_hat(kind: str, y: torch.Tensor, v: torch.Tensor, a: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    if kind == "flow_prediction":
        return y - s * v
    if kind == "epsilon":
        return (y - s * v) / a
    if kind == "sample":
        return v
    if kind == "v_prediction":
        k = (a * a + s * s) ** 0.5  # 1 for VP, sqrt(1 + sigma^2) for EDM
        return (a * y / k - s * v) / k
    known = "flow_prediction, epsilon, sample, v_prediction"
    raise ValueError(f"prediction_type={kind!r} of the scheduler is not known; there are {known}")


def _initial_scale(scheduler: Scheduler) -> Any:
    """The scheduler's own init_noise_sigma, of the whole table."""
    inherited = inspect.getattr_static(type(scheduler).__mro__[2], "init_noise_sigma", None)
    if isinstance(inherited, property):
        return inherited.fget(scheduler)  # type: ignore[misc]
    return scheduler.__dict__.get("init_noise_sigma", 1.0)


def _table(scheduler: Scheduler, sigmas: torch.Tensor | None, times: torch.Tensor) -> Table:
    """(a, s, a', s') of every step: DDIM from its alphas, flow (1 - s, s), EDM (1, s), or what the scheduler says."""
    if sigmas is None:
        if unlike := [name for name in NOT_DDIM if name in scheduler.config]:
            raise UsageError(
                f"generator.model: its {type(scheduler).__mro__[2].__name__} ({unlike[0]}) has no table of noise "
                "levels; take DDIM, Euler, UniPC or DPM++ of the same configuration"
            )
        t = times.long().cpu()
        before = t - scheduler.config.num_train_timesteps // scheduler.num_inference_steps  # the stock rounding

        def alpha(q: torch.Tensor) -> torch.Tensor:
            return torch.where(q >= 0, scheduler.alphas_cumprod.cpu()[q.clamp(min=0)], scheduler.final_alpha_cumprod)

        columns = alpha(t).sqrt(), (1 - alpha(t)).sqrt(), alpha(before).sqrt(), (1 - alpha(before)).sqrt()
        return list(zip(*columns, strict=True))
    s = sigmas.float().cpu()
    if scheduler.config.get("invert_sigmas", False):
        a, s = s, 1 - s
    elif hasattr(scheduler, "_sigma_to_alpha_sigma_t"):  # UniPC, DPM++
        a, s = scheduler._sigma_to_alpha_sigma_t(s)
    else:
        a = 1 - s if s.max() <= 1 else torch.ones_like(s)
    return list(zip(a[:-1], s[:-1], a[1:], s[1:], strict=True))
