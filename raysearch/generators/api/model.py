"""An endpoint as a generator of one step: the noise is a seed, x0_hat the bytes of the file, decoding reads the file.

Latents are fp32 [1, bytes]; every byte is exact in fp32. A video that the endpoint refuses is NaN, so that its
candidate has no reward.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from raysearch import videos
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.api.client import Client, File
from raysearch.generators.api.ledger import FOLDER, PaidRequests
from raysearch.generators.api.settings import check
from raysearch.generators.contract import Path as Levels
from raysearch.prompts import Prompt

SEEDS = 2**24  # exact in fp32
TYPES = {".png": "image/png", ".webp": "image/webp"}


class ApiModel:
    """An endpoint; `record_in` has to be called before its first video.

    Attributes:
        fps: frames per second that are asked for.
    """

    def __init__(self, config: GeneratorConfig):
        """Raises UsageError for settings that an endpoint has no place for."""
        check(config, ())
        assert config.fps is not None
        self._config, self.fps, self._client = config, config.fps, None

    _client: Client | None

    def record_in(self, folder: str) -> None:
        """Keep the record of all requests and their videos below the folder of the run, a path or URL."""
        self._client = Client(self._config, PaidRequests(f"{folder}/{FOLDER}"))

    def on(self, prompt: Prompt) -> ApiGenerator:
        """The generator for one prompt. Raises UsageError without a folder for the record."""
        if self._client is None:
            raise UsageError("generator.name=api: its requests are paid and recorded, so it needs a run folder")
        return ApiGenerator(self._config, self._client, prompt)


class ApiGenerator:
    """The videos of one prompt."""

    steps = 1

    def __init__(self, config: GeneratorConfig, client: Client, prompt: Prompt):
        self._client, self._fps, self._files = client, config.fps, dict[str, File]()
        assert config.num_frames is not None and config.fps is not None
        self._request: dict[str, Any] = {
            "endpoint": config.endpoint, "model": config.model, "prompt": prompt.text,
            "size": f"{config.width}x{config.height}", "num_frames": config.num_frames, "fps": f"{config.fps:g}",
            "seconds": max(1, round(config.num_frames / config.fps)), **config.call,
        }  # fmt: skip
        for key in ("guidance_scale", "negative_prompt"):
            if getattr(config, key) is not None:
                self._request[key] = getattr(config, key)
        if prompt.image is not None:
            image = Path(prompt.image)
            content = image.read_bytes()
            self._files["input_reference"] = image.name, content, TYPES.get(image.suffix.lower(), "image/jpeg")
            self._request["input_reference"] = hashlib.sha256(content).hexdigest()

    def draw(self, noise: torch.Generator) -> torch.Tensor:
        """The seed of the request, fp32 [1, 1]."""
        return torch.randint(0, SEEDS, (1, 1), generator=noise).float()

    def denoise(self, x: torch.Tensor, k: int, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """The bytes of the video of this seed, fp32 [1, bytes]; a single NaN if the endpoint refuses it."""
        video = self._client.video({**self._request, "seed": int(x.reshape(-1)[0])}, self._files)
        if video is None:
            return torch.full((1, 1), float("nan"))
        return torch.from_numpy(np.frombuffer(video, np.uint8).astype(np.float32))[None]

    def decode(self, x0: torch.Tensor, noise: torch.Generator, grad: bool = False) -> torch.Tensor:
        """The frames of the file at the rate of the job, [T, 3, H, W] in [0, 1]; NaN for a refused one."""
        if not bool(x0.isfinite().all()):
            return torch.full((1, 3, 16, 16), float("nan"))
        file = x0.cpu().numpy().astype(np.uint8).tobytes()
        clip = videos.read(file, fps=self._fps if videos.scan(file).fps else None)
        return torch.from_numpy(clip.frames).permute(0, 3, 1, 2).float() / 255

    def path(self, k: int) -> Levels:
        """From pure noise to the video."""
        return 0.0, 1.0, 1.0, 0.0
