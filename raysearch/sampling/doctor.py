"""`raysearch doctor`: whether a model is fit for a search.

Loads the model, makes one small Move with every kernel, and reports what was measured. Every check runs, whatever the
result of the others; `failures` holds one line for each that failed. The strategies and guides in the report are those
whose Moves and gradients worked on this machine, at these sizes.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from raysearch import devices, generators
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators import custom, families, feasible, inputs, model_files
from raysearch.generators.contract import Encoding
from raysearch.generators.declare import Frames, PipelineClass
from raysearch.moves import KERNELS, Kernel, Move
from raysearch.prompts import Prompt
from raysearch.sampling import kernels
from raysearch.sampling.state import State
from raysearch.sampling.workers import run_move
from raysearch.search import describe
from raysearch.search.schedules import fraction

ETA = 0.7  # of the stochastic kernels


def examine(config: GeneratorConfig, prompt: Prompt, device: str, gradients: bool = True) -> dict[str, Any]:
    """Examine a model.

    Args:
        config: the generator's settings, with at least feasible.LEAST steps in every chunk.
        prompt: what to generate. If it has no frames and the pipeline class needs some, they are noise.
        device: the device by its name in torch.
        gradients: whether to try guides, which take far more memory.

    Returns:
        All findings as plain values; `failures` maps a check to its reason and is empty if all checks passed.

    Raises:
        UsageError: for what is wrong before the model is loaded.
    """
    if config.steps is None or config.steps < feasible.LEAST * config.chunks:
        raise UsageError(f"steps={config.steps}: the checks take at least {feasible.LEAST} steps in every chunk")
    config = feasible.pin(config)
    declared = kind(config)
    given, noise = inputs.frame_count(prompt, config.fps), None
    if not given and declared.needs_frames and not own(config):
        given = 1 if "image" in declared.takes else 5
        noise = np.random.default_rng(0).integers(0, 255, (given, 64, 64, 3), np.uint8)
        feasible.check(config, [])
    else:
        feasible.check(config, [prompt])
    findings: dict[str, Any] = {
        "model": config.model, "revision": config.revision, "class": declared.pipeline, "takes": list(declared.takes),
        "tested": declared.tested, "own": own(config), "device": device, "dtype": config.dtype, "steps": config.steps,
        "conditioning_frames": given, "failures": {},
    }  # fmt: skip
    if own(config) and (about := custom.about(config)):
        findings["about"] = about
    checks = Checks(config, prompt, noise, device, findings)
    checks.run("load", checks.load)
    if not findings["failures"]:
        for check in ("draw", "chain", "kernels", "decode", "changes", *(["gradients"] if gradients else [])):
            checks.run(check, getattr(checks, check))
    findings |= possible(findings) | {"memory": memory(device)}
    return findings


def own(config: GeneratorConfig) -> bool:
    """Whether it is a custom generator, made by `package.module:function`."""
    return config.name != "diffusers"


def kind(config: GeneratorConfig) -> PipelineClass:
    """What is declared about the pipeline class, or by a custom generator about itself."""
    return custom.pipeline_class(config.name) if own(config) else families.of(model_files.pipeline_class(config))


class Checks:
    """One model and what was made with it. Every method but `run` is a check, which writes its findings."""

    def __init__(
        self, config: GeneratorConfig, prompt: Prompt, clip: Frames | None, device: str, findings: dict[str, Any]
    ):
        """Nothing is loaded yet.

        Args:
            config: the generator's settings.
            prompt: what to generate.
            clip: conditioning frames in place of the prompt's own, or None.
            device: the device by its name in torch.
            findings: where checks write what they measure, and `run` their failures.
        """
        self.config, self.prompt, self.clip, self.findings = config, prompt, clip, findings
        self.device = torch.device(device)
        devices.reproducible(device)

    def run(self, name: str, check: Callable[[], None]) -> None:
        """Run a check and record the error if it fails."""
        try:
            check()
        except UsageError:
            raise
        except Exception as error:
            reason = (str(error).strip().splitlines() or [""])[0][:200]
            self.findings["failures"][name] = f"{type(error).__name__}: {reason}"

    def load(self) -> None:
        """Load the model and make the generator of the prompt."""
        if not own(self.config):
            import diffusers.pipelines  # noqa: F401  before the clock starts

        start = time.perf_counter()
        model: Any = generators.load(self.config, str(self.device), encoders=False)
        self.findings["load_s"] = self._since(start)
        if isinstance(model, Encoding):
            start = time.perf_counter()
            model.load_encoders()
            self.findings["encoders_s"] = self._since(start)
        _has(model, "the model that it returns", ("fps", "on"))
        prompt, clip = self.prompt, self.clip
        self.generator: Any = model.on(prompt) if clip is None else model.given(prompt.text, clip, prompt.id)
        _has(self.generator, "the generator of a prompt", ("steps", "draw", "denoise", "decode", "path"))

    def draw(self) -> None:
        """The same noise must give the same latents, fp32 and of one particle."""
        start = time.perf_counter()
        with torch.no_grad():
            x = self.generator.draw(torch.Generator().manual_seed(0))
            self.findings |= {"conditions_s": self._since(start), "latents": list(x.shape)}
            again = self.generator.draw(torch.Generator().manual_seed(0))
        if x.dtype != torch.float32 or x.shape[0] != 1:
            raise TypeError(f"latents are {x.dtype} of shape {list(x.shape)}; they must be torch.float32 [1, ...]")
        if not torch.equal(x, again):
            raise ArithmeticError("the same noise gives other latents each time; draw from the generator it is given")

    def chain(self) -> None:
        """A chain that is cut in two must give the same bits as the unsplit one."""
        steps, start = self.generator.steps, time.perf_counter()
        whole = self._move(steps)
        if self.config.chunks > 1 or (own(self.config) and custom.ends(self.config) is not None):
            self.findings["chunk_s"] = self._since(start) / self.config.chunks
        self.half = self._move(steps // 2)
        start = time.perf_counter()
        rest = self._move(steps, parent=self.half)
        self.findings["step_s"] = self._since(start) / (steps - steps // 2)
        self.findings["bitwise"] = bool((rest.x == whole.x).all())
        self.findings["particle_bytes"], self.last = len(whole.to_bytes()), whole
        if not self.findings["bitwise"]:
            raise ArithmeticError(f"two halves differ from the whole by {np.abs(rest.x - whole.x).max():.3g}")
        _finite(whole.x)

    def kernels(self) -> None:
        """One step of every kernel from the middle."""
        k = self.half.step
        self.findings["kernels"] = {}
        for name in KERNELS:
            kernel = Kernel(name, 0.0 if not KERNELS[name].largest_eta else ETA)
            at = fraction(k, self.generator.steps)
            entry = {"stochastic": kernels.needs_noise(kernel, self.generator.path(k), at), "ok": False}
            self.findings["kernels"][name] = entry

            def one(kernel: Kernel = kernel, entry: dict[str, bool] = entry) -> None:
                state = self._move(k + 1, parent=self.half, kernel=kernel)
                _finite(state.x)
                if (state.x == self.half.x).all():
                    raise ArithmeticError("the particle does not move")
                entry["ok"] = True

            self.run(f"kernel {name}", one)

    def decode(self) -> None:
        """Frames must have the right shape, be finite and lie in [0, 1]."""
        x0 = torch.from_numpy(np.array(self.last.x0)).to(self.device)
        with torch.no_grad():
            start = time.perf_counter()
            video = self.generator.decode(x0, torch.Generator().manual_seed(0))
            self.findings["decode_s"] = self._since(start)
        if video.ndim != 4 or video.shape[1] != 3:
            raise TypeError(f"frames have shape {list(video.shape)}; they must be [frames, 3, height, width]")
        self.findings["frames"] = list(video.shape)
        _finite(video.cpu().numpy())
        low, high = video.min().item(), video.max().item()
        if low < 0 or high > 1:
            raise ArithmeticError(f"frames go from {low:.3g} to {high:.3g}; they must lie in [0, 1]")

    def changes(self) -> None:
        """Going back and mixing in noise, as searches over noise and paths do, must change the state."""
        for options in ({"back": self.half.step - 1}, {"mutate": 0.3}):
            step = options.get("back", self.half.step)
            state = self._move(int(step), parent=self.half, **options)
            _finite(state.x)
            if (state.x == self.half.x).all():
                raise ArithmeticError(f"{options} changes nothing")

    def gradients(self) -> None:
        """The brightness of the decoded preview must have a gradient.

        It is taken with respect to x0_hat (mean) and, through the network, with respect to the state (full).
        """
        g, k, noise = self.generator, self.half.step, torch.Generator().manual_seed(0)
        x = torch.from_numpy(np.array(self.half.x)).to(self.device).requires_grad_(True)
        with torch.enable_grad():
            x0 = g.denoise(x, k, noise, grad=True)
            clean = x0.detach().requires_grad_(True)
            mean = _slope(g.decode(clean, noise, grad=True).square().mean(), clean)
            full = _slope(x0, x, mean)
        self.findings["gradients"] = {"mean": float(mean.abs().max()), "full": float(full.abs().max())}
        dead = [name for name, size in self.findings["gradients"].items() if not size > 0]
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


def possible(findings: dict[str, Any]) -> dict[str, list[str]]:
    """Strategies whose default kernel worked, and guides that got a gradient."""
    results = findings.get("kernels", {})
    works = {kind: any(e["ok"] for e in results.values() if e["stochastic"] == kind) for kind in (False, True)}
    changes = "changes" not in findings["failures"] and bool(results)
    strategies = []
    for part in describe():
        kernel = part.options.get("kernel")
        noisy = isinstance(kernel, Kernel) and kernel.stochastic
        if works[noisy] and changes and findings.get("bitwise"):
            strategies.append(part.name)
    guides = [name for name, size in findings.get("gradients", {}).items() if size > 0]
    return {"strategies": strategies, "guides": guides}


def memory(device: str) -> dict[str, int]:
    """The peak so far, in bytes: resident memory of this process, and memory allocated on the GPU."""
    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"peak_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if device.startswith("cuda"):
        peak["peak_gpu"] = torch.cuda.max_memory_allocated(device)
    return peak


def _has(part: Any, what: str, names: Sequence[str]) -> None:
    if lacks := [name for name in names if not hasattr(part, name)]:
        raise TypeError(f"{what} has no {' and no '.join(lacks)}; see raysearch/generators/contract.py")


def _slope(result: torch.Tensor, of: torch.Tensor, upstream: torch.Tensor | None = None) -> torch.Tensor:
    """The gradient of a result; zeros if it does not depend on the tensor."""
    if not result.requires_grad:
        return torch.zeros_like(of)
    slope = torch.autograd.grad(result, of, upstream, allow_unused=True)[0]
    return torch.zeros_like(of) if slope is None else slope


def _finite(values: NDArray[Any]) -> None:
    if not np.isfinite(values).all():
        raise ArithmeticError("the result is not finite")
