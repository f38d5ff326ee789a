"""`python -m tests.device.check [NAME ...]`: everything that touches a device, on `far` and on the CPU.

Prints a line of JSON per check: its name, and the error, or how far apart the results are, relative to the largest.
"""

from __future__ import annotations

import json
import pickle
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from raysearch import rewards
from raysearch.config.settings import GeneratorConfig
from raysearch.generators.chunked import ChunkedModel
from raysearch.generators.diffusers import DiffusersModel
from raysearch.moves import Guide, Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling import doctor
from raysearch.sampling.workers import GeneratorWorker, RewardWorker, run_move
from tests.rewards import vlms
from tests.zoo.cases import CASES, Case
from tests.zoo.test_guides import Contrast

STEPS, CUT = 4, 2
TINY = {"model": "tiny", "steps": 4, "height": 32, "width": 32, "num_frames": 17, "fps": 8}
NOISY = Kernel("ddim_eta", 0.7)
PROMPT = Prompt("p", "a red ball rolls left")
Check = Callable[[str], list[np.ndarray]]

REWARDS: dict[str, dict[str, Any]] = {
    "vjepa2": {"name": "vjepa2"},
    "vjepa2 published": {"name": "vjepa2", "preset": "wmreward"},
    "vjepa2 bf16": {"name": "vjepa2", "dtype": "bfloat16"},
    "videomae": {"name": "videomae"},
    "motion": {"name": "motion"},
    "smoothness": {"name": "smoothness"},
    "features": {"name": "vjepa2_features"},
    "fuse": {"name": "fuse", "parts": [{"name": "vjepa2"}, {"name": "flicker", "weight": 0.1}]},
}


def checks() -> Iterator[tuple[str, Check]]:
    for case in CASES:
        if not case.missing:
            yield f"pipeline {case.id}", partial(pipeline, case)
    for name, spec in REWARDS.items():
        yield f"reward {name}", partial(reward, spec)
    for family in ("qwen2_5_vl", "qwen3_vl"):
        yield f"reward {family}", partial(language, family)
    yield "workers", workers
    yield "doctor", examined


def pipeline(case: Case, device: str) -> list[np.ndarray]:
    """Fresh, cut, guided and changed particles, a film, gradients, of conditions that were computed elsewhere."""
    there = torch.device(device)
    call = {k: v.to(there) if isinstance(v, torch.Tensor) else v for k, v in case.call().items()}
    made = case.build().to(torch.float32).to(there)
    model = (
        ChunkedModel(made, STEPS, 8, case.chunks, **call) if case.chunks > 1 else DiffusersModel(made, STEPS, 8, **call)
    )
    conditions = pickle.loads(pickle.dumps(model.given(PROMPT.text, case.frames(), "p").conditions()))
    assert conditions is not None
    g = model.given(PROMPT.text, case.frames(), "p", conditions)
    guides = (
        None,
        Guide("mean", 0.05, (0.0, 1.0)),
        Guide("full", 0.05, (0.0, 1.0), clip=1.0, recompute=case.chunks == 1),
    )

    def move(to: int, parent: Any = None, **more: Any) -> Any:
        m = Move("parent" if parent else None, (0, 0, 2), to, NOISY, **more)
        with torch.no_grad():
            return run_move(g, m, PROMPT, parent, there, Contrast(), Contrast.size)[0]

    half = move(CUT)
    ends = [move(CUT + 1, half, guide=guide) for guide in guides]
    changed = move(STEPS, half, back=1, mutate=0.3)
    x = torch.from_numpy(half.x).to(there).requires_grad_(True)
    with torch.enable_grad():
        frames = g.decode(g.denoise(x, CUT, torch.Generator().manual_seed(0), grad=True),
                          torch.Generator().manual_seed(0), grad=True)  # fmt: skip
        (slope,) = torch.autograd.grad(frames.square().mean(), x)
    return [*(s.x for s in ends), changed.x, frames.detach().cpu().numpy(), slope.cpu().numpy()]


def reward(spec: dict[str, Any], device: str) -> list[np.ndarray]:
    """Scores of a view, and the gradient where there is one."""
    worker = RewardWorker([spec], 1, device, fps=8)
    found, _ = worker.score(view(), PROMPT)
    wrong = [v for v in found.values() if isinstance(v, str)]
    if wrong:
        raise RuntimeError(wrong[0])
    values = [np.array([v for v in found.values() if v == v])]
    if rewards.differentiable(spec):
        value, slope = worker.gradient(view().transpose(0, 3, 1, 2).astype(np.float32) / 255)
        values += [np.array([value]), slope]
    return values


def language(family: str, device: str) -> list[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        model = vlms.write(family, Path(folder))
        return reward({"name": "vlm", "model": str(model), "size": 32, "frames": 4, "fps": 8}, device)


def workers(device: str) -> list[np.ndarray]:
    """The shipped pair, as a run drives it: advance, guide, score, film; the text encoder comes and goes.

    Of two workers one encodes for both; the other has no encoder until it is asked for another prompt.
    """
    config = GeneratorConfig(**TINY, offload_text=True)
    judge = RewardWorker([{"name": "vjepa2"}], 1, device)
    worker = GeneratorWorker(config, judge.size(), 1, device, critic=lambda: judge.gradient, encoders=False)
    prompt = Prompt("p", "one ball", video=str(conditioning()))
    guide = Guide("full", 0.05, (0.0, 1.0))
    conditions = GeneratorWorker(config, judge.size(), 1, device).conditions(prompt, None)
    move = Move(None, (0,), 4, NOISY, guide, score=True)
    state, seen, _ = worker.advance(move, "key", prompt, None, conditions=pickle.loads(pickle.dumps(conditions)))
    assert state is not None and seen is not None and worker.film("key", prompt, state)
    assert worker.model.pipeline.text_encoder.waiting  # type: ignore[attr-defined]
    other, _, _ = worker.advance(move, "other", replace(prompt, id="p", variants=("two balls",)), None)
    assert other is not None and not worker.model.pipeline.text_encoder.waiting  # type: ignore[attr-defined]
    assert (other.x == state.x).all()
    return [state.x, np.array([judge.score(seen, prompt)[0]["vjepa2"]])]


def examined(device: str) -> list[np.ndarray]:
    config = GeneratorConfig(**TINY)
    found = doctor.examine(config, Prompt("p", "one ball", video=str(conditioning())), device)
    if found["failures"]:
        raise RuntimeError(str(found["failures"]))
    return [np.array(list(found["gradients"].values()))]


def view() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), dtype=np.uint8)


def conditioning() -> Path:
    from raysearch.videos import encode

    path = Path(tempfile.mkdtemp()) / "given.mp4"
    path.write_bytes(encode(view()[:5], 8))
    return path


def main() -> None:
    from tests.device import far  # noqa: F401  makes the device

    torch.set_num_threads(1)
    wanted = sys.argv[1:] or [name for name, _ in checks()]
    for name, check in checks():
        if name not in wanted:
            continue
        line: dict[str, Any] = {"name": name}
        try:
            near, there = check("cpu"), check("far:0")
            line["apart"] = [float(np.abs(a - b).max() / np.abs(a).max()) for a, b in zip(near, there, strict=True)]
        except Exception as error:
            line["error"] = "".join(traceback.format_exception(error)[-6:])
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
