"""Is this model fit for a search? Loads it, makes one small Move with every kernel, and says what was measured.

Every check runs, whatever became of the others; what went wrong is in `failures`, a line each. Strategies and guides
are those whose Moves and gradients worked here, on this machine, at these sizes.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from raysearch import devices, generators
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import families, feasible
from raysearch.moves import KERNELS, Kernel, Move
from raysearch.prompts import Prompt, frames
from raysearch.sampling import kernels
from raysearch.sampling.state import State
from raysearch.sampling.workers import run_move
from raysearch.search import describe
from raysearch.search.schedules import fraction

ETA = 0.7  # of the stochastic kernels
LEAST = 4  # steps, so that there is a middle with noise before and after it
PROMPT_ID = "doctor"


def examine(config: GeneratorConfig, prompt: Prompt, device: str, gradients: bool = True) -> dict[str, Any]:
    """All findings as plain values; `failures` maps a check to its reason and is empty if all is well.

    prompt: without frames, a class that needs some gets noise. Raises UsageError for what is wrong before loading.
    """
    if config.steps is None or config.steps < LEAST * config.chunks:
        raise UsageError(f"steps={config.steps}: the checks take at least {LEAST} steps in every chunk")
    config = feasible.pin(config)
    name, family = kind(config)
    given, noise = frames(prompt), None
    if given is None and family.needs_frames:
        given = noise = np.random.default_rng(0).integers(
            0, 255, (1 if "image" in family.takes else 5, 64, 64, 3), np.uint8
        )
        feasible.check(config, [])
    else:
        feasible.check(config, [prompt])
    found: dict[str, Any] = {
        "model": config.model, "revision": config.revision, "class": name, "takes": list(family.takes),
        "tested": family.tested, "own": own(config), "device": device, "dtype": config.dtype, "steps": config.steps,
        "conditioning_frames": 0 if given is None else len(given), "failures": {},
    }  # fmt: skip
    checks = Checks(config, prompt, noise, device, found)
    checks.run("load", checks.load)
    if not found["failures"]:
        for check in ("draw", "chain", "kernels", "decode", "changes", *(["gradients"] if gradients else [])):
            checks.run(check, getattr(checks, check))
    found |= possible(found) | {"memory": memory(device)}
    return found


def own(config: GeneratorConfig) -> bool:
    """Whether it is a generator of one's own, made by `package.module:function`."""
    return config.name != "diffusers"


def kind(config: GeneratorConfig) -> tuple[str, families.Family]:
    """The class of the pipeline and what the table knows of it; of a generator of one's own, its name alone."""
    name = config.name if own(config) else feasible.pipeline_class(config)
    unknown = families.Family(name, name, () if own(config) else ("text",), tested=False, why="not in the table")
    return name, families.FAMILIES.get(name, unknown)


class Checks:
    """One model and what was made with it; every method is a check that writes what it found. clip: in place of the
    prompt's frames."""

    def __init__(self, config: GeneratorConfig, prompt: Prompt, clip: np.ndarray | None, device: str, found: dict):
        self.config, self.prompt, self.clip, self.found = config, prompt, clip, found
        self.device = torch.device(device)
        devices.reproducible(device)

    def run(self, name: str, check: Callable[[], None]) -> None:
        try:
            check()
        except UsageError:
            raise
        except Exception as error:
            told = (str(error).strip().splitlines() or [""])[0][:200]
            self.found["failures"][name] = f"{type(error).__name__}: {told}"

    def load(self) -> None:
        if not own(self.config):
            import diffusers.pipelines  # noqa: F401  before the clock starts

        start = time.perf_counter()
        model: Any = generators.load(self.config, str(self.device))
        self.found["load_s"] = self._since(start)
        _has(model, "what it makes, a model,", ("fps", "on"))
        prompt, clip = self.prompt, self.clip
        self.generator: Any = model.on(prompt) if clip is None else model.given(prompt.text, clip, prompt.id)
        _has(self.generator, "the generator of a prompt", ("steps", "draw", "denoise", "decode", "path"))

    def draw(self) -> None:
        start = time.perf_counter()
        with torch.no_grad():
            x = self.generator.draw(torch.Generator().manual_seed(0))
            self.found |= {"conditions_s": self._since(start), "latents": list(x.shape)}
            again = self.generator.draw(torch.Generator().manual_seed(0))
        if x.dtype != torch.float32 or x.shape[0] != 1:
            raise TypeError(f"latents are {x.dtype} of shape {list(x.shape)}; they must be torch.float32 [1, ...]")
        if not torch.equal(x, again):
            raise ArithmeticError("the same noise gives other latents each time; draw from the generator it is given")

    def chain(self) -> None:
        """Cut in two, a chain must give the bits of the unsplit one."""
        steps = self.generator.steps
        whole = self._move(steps)
        self.half = self._move(steps // 2)
        start = time.perf_counter()
        rest = self._move(steps, parent=self.half)
        self.found["step_s"] = self._since(start) / (steps - steps // 2)
        self.found["bitwise"] = bool((rest.x == whole.x).all())
        self.found["particle_bytes"], self.last = len(whole.to_bytes()), whole
        if not self.found["bitwise"]:
            raise ArithmeticError(f"two halves differ from the whole by {np.abs(rest.x - whole.x).max():.3g}")
        _finite(whole.x)

    def kernels(self) -> None:
        """One step of every kernel from the middle."""
        k = self.half.step
        self.found["kernels"] = {}
        for name in KERNELS:
            kernel = Kernel(name, 0.0 if name in ("ode", "2m") else ETA)
            at = fraction(k, self.generator.steps)
            entry = {"stochastic": kernels.needs_noise(kernel, self.generator.path(k), at), "ok": False}
            self.found["kernels"][name] = entry

            def one(kernel: Kernel = kernel, entry: dict = entry) -> None:
                state = self._move(k + 1, parent=self.half, kernel=kernel)
                _finite(state.x)
                if (state.x == self.half.x).all():
                    raise ArithmeticError("the particle does not move")
                entry["ok"] = True

            self.run(f"kernel {name}", one)

    def decode(self) -> None:
        x0 = torch.from_numpy(np.array(self.last.x0)).to(self.device)
        with torch.no_grad():
            start = time.perf_counter()
            video = self.generator.decode(x0, torch.Generator().manual_seed(0))
            self.found["decode_s"] = self._since(start)
        if video.ndim != 4 or video.shape[1] != 3:
            raise TypeError(f"frames have shape {list(video.shape)}; they must be [frames, 3, height, width]")
        self.found["frames"] = list(video.shape)
        _finite(video.cpu().numpy())
        low, high = video.min().item(), video.max().item()
        if low < 0 or high > 1:
            raise ArithmeticError(f"frames go from {low:.3g} to {high:.3g}; they must lie in [0, 1]")

    def changes(self) -> None:
        """Going back and mixing in noise, as searches over noise and paths do; takes no network."""
        for options in ({"back": self.half.step - 1}, {"mutate": 0.3}):
            step = options.get("back", self.half.step)
            state = self._move(int(step), parent=self.half, **options)
            _finite(state.x)
            if (state.x == self.half.x).all():
                raise ArithmeticError(f"{options} changes nothing")

    def gradients(self) -> None:
        """Of the brightness of the decoded preview: to x0_hat (mean), and through the network to the state (full)."""
        g, k, noise = self.generator, self.half.step, torch.Generator().manual_seed(0)
        x = torch.from_numpy(np.array(self.half.x)).to(self.device).requires_grad_(True)
        with torch.enable_grad():
            x0 = g.denoise(x, k, noise, grad=True)
            clean = x0.detach().requires_grad_(True)
            mean = _slope(g.decode(clean, noise, grad=True).square().mean(), clean)
            full = _slope(x0, x, mean)
        self.found["gradients"] = {"mean": float(mean.abs().max()), "full": float(full.abs().max())}
        dead = [name for name, size in self.found["gradients"].items() if not size > 0]
        if dead:
            raise ArithmeticError(f"no gradient reaches {' and '.join(dead)}")

    def _move(self, to: int, parent: State | None = None, **options: Any) -> State:
        move = Move(None if parent is None else "parent", (0, 0), to, **options)
        with torch.no_grad():
            return run_move(self.generator, move, self.prompt, parent, self.device)[0]

    def _since(self, start: float) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter() - start


def possible(found: dict[str, Any]) -> dict[str, list[str]]:
    """Strategies whose default kernel works here, and guides whose gradient is there."""
    made = found.get("kernels", {})
    works = {kind: any(e["ok"] for e in made.values() if e["stochastic"] == kind) for kind in (False, True)}
    changes = "changes" not in found["failures"] and bool(made)
    strategies = []
    for d in describe():
        kernel = d.options.get("kernel")
        noisy = isinstance(kernel, Kernel) and kernel.stochastic
        if works[noisy] and changes and found.get("bitwise"):
            strategies.append(d.name)
    guides = [name for name, size in found.get("gradients", {}).items() if size > 0]
    return {"strategies": strategies, "guides": guides}


def memory(device: str) -> dict[str, int]:
    """Bytes at the most so far: of this process, and allocated on the GPU."""
    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"peak_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if device.startswith("cuda"):
        peak["peak_gpu"] = torch.cuda.max_memory_allocated(device)
    return peak


def _has(made: Any, what: str, names: Sequence[str]) -> None:
    if lacks := [name for name in names if not hasattr(made, name)]:
        raise TypeError(f"{what} has no {' and no '.join(lacks)}; see raysearch/generators/__init__.py")


def _slope(made: torch.Tensor, of: torch.Tensor, upstream: torch.Tensor | None = None) -> torch.Tensor:
    """The gradient, zeros where none comes through."""
    found = torch.autograd.grad(made, of, upstream, allow_unused=True)[0] if made.requires_grad else None
    return torch.zeros_like(of) if found is None else found


def _finite(values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise ArithmeticError("the result is not finite")
