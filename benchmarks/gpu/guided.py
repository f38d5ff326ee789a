"""What a guided step of a large model costs: seconds and memory beside an unguided one, reward on the same device."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from benchmarks.gpu import models
from benchmarks.gpu.meter import measured
from benchmarks.gpu.parts import Place, Row
from benchmarks.reward import network
from raysearch.moves import Guide, Move
from raysearch.prompts import Prompt
from raysearch.rewards.vjepa2.reward import VJEPA2Reward
from raysearch.sampling.move import run_move
from raysearch.search.guides import PRESETS

SCENE = Prompt("scene", "a ball")
GUIDES = {"lean": PRESETS["lean"], "mean": Guide("mean", 0.1), "full": Guide("full", 0.1, recompute=True)}


def guided(place: Place, hub: str, name: str) -> list[Row]:
    """An unguided step and one guided by the gradient of V-JEPA 2 ViT-L in bf16."""
    device, generator = torch.device(place.device), models.build(hub, place).given("", None, "benchmark")
    critic, size = _critic(place)
    rows = list[Row]()
    with torch.no_grad():
        half, _, _ = run_move(generator, Move(None, (0,), 1, score=False), SCENE, None, device)
        for what, guide in (("unguided", None), (f"guided by `{name}`", _acting(GUIDES[name]))):
            move = Move("half", (1,), 2, guide=guide, score=False)
            row = measured(place.device, lambda m=move: run_move(generator, m, SCENE, half, device, critic, size), 1)
            rows.append({"what": what, **row, "times": row["seconds"] / (rows[0] if rows else row)["seconds"]})
    return rows


def _acting(guide: Guide) -> Guide:
    """The guide as it is at a step where it acts."""
    return replace(guide, window=(0.0, 1.0), every=1)


def _critic(place: Place) -> tuple[Any, int]:
    torch.manual_seed(0)
    kind = torch.bfloat16 if place.full else torch.float32
    model = network("vitl" if place.full else "tiny").to(place.device, kind)
    window, context = 16, 8
    reward = VJEPA2Reward(model, window=window, context=context, stride=8)

    def critic(view: Any, through_context: bool = True) -> tuple[float, Any]:
        video = torch.from_numpy(view)[None].to(place.device).requires_grad_(True)
        with torch.enable_grad():
            value = reward.reward(video)
            (slope,) = torch.autograd.grad(value.sum(), video)
        return value.item(), slope[0].cpu().numpy()

    return critic, int(model.config.crop_size)
