"""The figures as a page of the documentation. Loads neither torch nor diffusers."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.parts import PARTS, Part

COLUMNS = {  # what a row may hold, in the order of the columns
    "what": "", "same_bits": "same bits", "difference": "largest difference", "pixels": "of a pixel, of 255",
    "reward": "of the reward", "seconds": "seconds", "seconds_each": "seconds a particle", "times": "times unguided",
    "clips_per_s": "clips a second", "speed": "speed over published", "peak_gb": "peak, GB",
    "memory": "memory over published", "mfu": "share of peak arithmetic", "note": "",
}  # fmt: skip
HEAD = """# On a GPU

What `make gpu` (`python -m benchmarks.gpu`) measures in under ten minutes on one GPU: without network, without Ray,
with random weights at published sizes. Each part runs in a process of its own with a time limit; one that does not
fit, or takes too long, is left out and says why. The command writes this page; `--size tiny --device cpu` runs the
same code on a CPU, as the tests do.

Networks compute in bf16, Wan's autoencoder in fp32 as its maker loads it, with deterministic algorithms, as every
replica does. Steps are those of 81 frames of 480 x 832 (Wan), 49 of 480 x 720 (CogVideoX) and 121 of 512 x 768 (LTX),
with classifier-free guidance, so two forward passes; a chunk of MAGI-1 is 24 frames of 720 x 720. Memory is what
PyTorch held at the most, weights included. The share of peak arithmetic counts matrix products alone, against the
dense bf16 peak of the data sheet.
"""


def page(found: dict[str, Any]) -> str:
    """The page of what is in the file of figures, which may be empty."""
    parts, about = found.get("parts", {}), found.get("about", {})
    told = [f"{k} {v}" for k, v in about.items() if k in ("torch", "diffusers", "transformers", "cuda")]
    where = "Not run yet: no GPU has been at hand."
    if parts:
        where = f"On {about['device']}: {', '.join(told)}; {found['took']:.0f} s in all."
    return "\n".join([HEAD, where, *(_section(part, parts.get(part.name)) for part in PARTS)])


def _section(part: Part, result: dict[str, Any] | None) -> str:
    return f"\n## {part.title}\n\n{table(result)}"


def table(result: dict[str, Any] | None) -> str:
    """The rows of a part as a table; or why there are none."""
    if result is None:
        return "Not run yet."
    if "rows" not in result:
        return f"{result['status'].capitalize()}: {result['reason']}."
    keys = [key for key in COLUMNS if any(key in row for row in result["rows"])]
    lines = ["| " + " | ".join(COLUMNS[key] for key in keys) + " |", "|---" * len(keys) + "|"]
    lines += ["| " + " | ".join(text(key, row.get(key)) for key in keys) + " |" for row in result["rows"]]
    return "\n".join(lines)


def text(key: str, value: Any) -> str:
    """A figure as people read it."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    if key == "mfu":
        return f"{value:.0%}"
    return f"{value:.3g}" + ("x" if key in ("speed", "memory", "times") else "")
