"""The one training loop: AdamW, warm-up and cosine decay, an exponential moving average, checkpoints, exact resume.

Data and noise are addressed by step, so a run that was stopped and resumed gives the weights of an unbroken one.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from raysearch import storage


@dataclass(frozen=True)
class TrainingRecipe:
    """What decides the outcome of a training run, beside the code; stored with every checkpoint."""

    steps: int
    batch: int
    lr: float
    seed: int = 0
    warmup: int = 100
    weight_decay: float = 0.01
    ema: float = 0.998
    last_lr: float = 0.02  # as a share of lr


SAVE_EVERY = 500  # steps
M = TypeVar("M", bound=nn.Module)
Terms: TypeAlias = tuple[torch.Tensor, dict[str, float]]  # the loss, and figures to print beside it
Loss: TypeAlias = Callable[[M, M, int], Terms]  # of (model, its moving average, step)
Faster: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]  # torch.compile, or the identity


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself, for training without torch.compile."""
    return function


def fit(
    name: str,
    model: M,
    loss: Loss[M],
    recipe: TrainingRecipe,
    folder: Path,
    every: int = 50,
    save_every: int | None = None,
) -> M:
    """Train a model in place; resumes from its checkpoint if there is one.

    Args:
        name: Of the part, for the checkpoint `folder/NAME.safetensors` and for the lines printed.
        model: The network to train, on its device.
        loss: From (model, moving average, step) to the loss and further figures to print.
        recipe: The settings of the run; a checkpoint of another recipe is refused.
        folder: Where the checkpoint is.
        every: Steps between two printed lines.
        save_every: Steps between two checkpoints instead of SAVE_EVERY; no weight depends on it.

    Returns:
        The exponential moving average of the weights, as a model.

    Raises:
        ValueError: The checkpoint belongs to a run of another recipe.
    """
    average = copy.deepcopy(model).eval().requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [[p for p in trained if p.ndim > 1], [p for p in trained if p.ndim <= 1]]
    optimizer = torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": recipe.weight_decay}, {"params": groups[1], "weight_decay": 0.0}],
        lr=recipe.lr, betas=(0.9, 0.98),
    )  # fmt: skip
    path = folder / f"{name}.safetensors"
    first = _load(path, model, average, optimizer, recipe) if path.exists() else 0
    losses: list[float] = []
    began = time.monotonic()
    for step in range(first, recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr * _schedule(step, recipe)
        value, report = loss(model, average, step)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(value)
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        _follow(average, model, min(recipe.ema, (step + 1) / (step + 20)))
        losses.append(value.item())
        if step % every == 0 or step == recipe.steps - 1:
            rate = recipe.batch * (step + 1 - first) / (time.monotonic() - began)
            left = (recipe.steps - step - 1) * recipe.batch / rate / 60
            extra = "".join(f"  {k} {v:.4f}" for k, v in report.items())
            mean = sum(losses[-every:]) / len(losses[-every:])
            print(
                f"{name} {step + 1}/{recipe.steps}  loss {mean:.4f}{extra}  {rate:.0f} clips/s, {left:.0f} min left",
                flush=True,
            )
        if (step + 1) % (save_every or SAVE_EVERY) == 0 or step == recipe.steps - 1:
            _save(path, model, average, optimizer, recipe, step + 1)
    return average


def _schedule(step: int, recipe: TrainingRecipe) -> float:
    cosine = 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
    return min(1.0, (step + 1) / recipe.warmup) * (recipe.last_lr + (1 - recipe.last_lr) * cosine)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    torch._foreach_lerp_(list(average.parameters()), [p.detach() for p in model.parameters()], 1 - keep)
    for mine, theirs in zip(average.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs)


def _save(
    path: Path,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    recipe: TrainingRecipe,
    step: int,
) -> None:
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    for i, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{k}": v for k, v in state.items()}
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    with storage.making(path) as temporary:
        save_file(tensors, temporary, metadata={"step": str(step), "recipe": json.dumps(asdict(recipe))})


def _load(
    path: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, recipe: TrainingRecipe
) -> int:
    with safe_open(path, "pt") as f:
        found = json.loads(f.metadata()["recipe"])
        if found != asdict(recipe):
            changed = [f"{k}: {found.get(k)} -> {v}" for k, v in asdict(recipe).items() if found.get(k) != v]
            raise ValueError(f"{path} holds a run of another recipe ({', '.join(changed)}); use another --out folder")
        tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118, not a dict
        step = int(f.metadata()["step"])

    def part(prefix: str) -> dict[str, torch.Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    model.load_state_dict(part("model."))
    average.load_state_dict(part("average."))
    state: dict[int, dict[str, torch.Tensor]] = {}
    for k, v in part("optimizer.").items():
        i, field = k.split(".")
        state.setdefault(int(i), {})[field] = v
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    print(f"resuming {path.name} at step {step} of {recipe.steps}", flush=True)
    return step
