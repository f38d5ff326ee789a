"""The embedded default: a 2-D physics world, a tiny generator and a tiny V-JEPA 2 trained on it, and their weights."""

from __future__ import annotations

from pathlib import Path

# What suits the shipped generators where a job says nothing else.
GENERATOR_DEFAULTS = {
    "steps": 12, "shift": 1.5, "guidance_scale": 1.0, "height": 32, "width": 32, "num_frames": 17, "fps": 8.0,
}  # fmt: skip
GENERATOR_CALL = {"image_cond_noise_scale": 0.0, "max_sequence_length": 4}
CHUNKED = "tiny-magi"
CHUNKED_EACH = 16  # steps of a chunk
CHUNKED_DEFAULTS = {"guidance_scale": 1.0, "height": 32, "width": 32, "fps": 24.0}
CHUNKED_CALL = {"window": 1, "quality": False, "duration": False, "past_scale": 1.0}
GENERATORS = {"tiny": GENERATOR_DEFAULTS, CHUNKED: CHUNKED_DEFAULTS}  # by the name of the model
CALLS = {"tiny": GENERATOR_CALL, CHUNKED: CHUNKED_CALL}
RUN_BY = {"tiny": "diffusers", CHUNKED: "magi1"}  # generator.name


def weights(part: str) -> Path:
    """Folder of shipped weights: `generator` (a diffusers pipeline), `worldmodel` (a VJEPA2Model), ..."""
    folder = Path(__file__).parent / "weights" / part
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: the tiny weights are missing; reinstall raysearch, or train them again with "
            "`python -m raysearch.tinyworld.train`"
        )
    return folder
