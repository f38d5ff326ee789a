"""V-JEPA 2 at its published sizes beside the published way of scoring, by `benchmarks.reward`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.gpu.parts import Place, Row


def against_published(place: Place, model: str) -> list[Row]:
    """Clips per second, memory and share of peak of every variant; ratios are to the published way."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        words = [sys.executable, "-m", "benchmarks.reward", "--device", place.device, "--json", str(file)]
        if place.full:
            words += ["--model", model, "--variants", "published", "bf16", *["bf16 compiled"] * (model == "vitl")]
        else:
            words += ["--model", "tiny", "--variants", "published", "fp32", "--clips", "1", "--frames", "24"]
        subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
        (found,) = json.loads(file.read_text()).values()
    names = {"clips_per_s": "clips_per_s", "speed_ratio": "speed", "peak_gb": "peak_gb", "memory_ratio": "memory",
             "mfu": "mfu", "largest_difference": "difference", "same_bits_alone": "same_bits"}  # fmt: skip
    return [{"what": row["variant"], **{new: row[old] for old, new in names.items() if row.get(old) is not None}}
            for row in found["rows"]]  # fmt: skip
