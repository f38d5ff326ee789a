"""A loaded MAGI-1: network, autoencoder, text encoder, and what the generators of all prompts share."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from raysearch import videos
from raysearch.config import by_card
from raysearch.config.settings import GeneratorConfig
from raysearch.generators.conditions import Conditions, arrived
from raysearch.generators.declare import Frames
from raysearch.generators.magi1 import text
from raysearch.generators.magi1.checkpoint import load_network, load_vae
from raysearch.generators.magi1.generator import TOKENS, MagiGenerator
from raysearch.generators.magi1.memo import Memo
from raysearch.generators.magi1.settings import MagiSettings
from raysearch.generators.magi1.stages import FPS
from raysearch.generators.magi1.velocity import Velocity
from raysearch.prompts import Prompt, frames
from raysearch.videos.fitting import described


class MagiModel:
    """Implements contract.Model and contract.Encoding."""

    fps = float(FPS)

    def __init__(self, config: GeneratorConfig, settings: MagiSettings, device: str):
        """Load everything but the text encoder.

        Raises:
            UsageError: for a part that cannot be read.
        """
        of, dtype = settings.checkpoint, getattr(torch, by_card.part_dtype(config.dtype or {}, "default"))
        self.config, self.settings, self.device = config, settings, torch.device(device)
        used = settings.options.quality or settings.options.duration
        self.special = text.special_tokens(of.tokens, of).to(self.device) if used and of.tokens else None
        self._encoder: text.TextEncoder | None = None
        self.network = load_network(of, dtype, self.device)
        self.vae = load_vae(of, dtype, self.device)
        self.memo = Memo(settings.options.memo)

    def load_encoders(self) -> None:
        """Load the text encoder now; see contract.Encoding."""
        if self._encoder is None:
            self._encoder = text.TextEncoder(self.settings.checkpoint, self.device, self.config.offload_text)

    def on(self, prompt: Prompt, conditions: Conditions | None = None) -> MagiGenerator:
        """The generator for a prompt, whose text is encoded here if its conditions are not given."""
        return self.given(prompt.text, frames(prompt, self.fps), prompt.id, conditions)

    @torch.no_grad()
    def given(
        self, prompt_text: str, clip: Frames | None, prompt_id: str, conditions: Conditions | None = None
    ) -> MagiGenerator:
        """The generator for a text and the frames with which the video begins, uint8 [T, H, W, 3] or None."""
        s, o = self.settings, self.settings.options
        stages = s.stages(0 if clip is None else len(clip), prompt_id)
        latents = None if clip is None else self._encoded(clip[s.kept(len(clip))], prompt_id)
        tokens = self._tokens(prompt_text, conditions)
        velocity = Velocity(
            self.network, stages, text.caption(self.network, tokens, self.special, stages, o.quality, o.duration),
            text.null_caption(self.network, stages.chunks), s.distilled, self.memo, s.text_scale, s.past_scale,
            o.shortcut,
        )  # fmt: skip
        _, h, w = s.checkpoint.vae_shape.patch
        return MagiGenerator(velocity, self.vae, (s.height // h, s.width // w), latents, self.device, tokens)

    def _tokens(self, prompt_text: str, conditions: Conditions | None) -> Tensor:
        """The tokens of a text, on the device."""
        if conditions is not None:
            tokens: Tensor = arrived(conditions, self.device)[TOKENS]
            return tokens
        self.load_encoders()
        assert self._encoder is not None
        return self._encoder(prompt_text).to(self.device)

    def _encoded(self, clip: Frames, prompt_id: str) -> Tensor:
        """The latents of given frames at the size of the video; of a single one, that of an image."""
        sides = self.settings.height, self.settings.width
        if what := described(clip.shape[1:3], sides, self.config.fit):
            videos.tell(f"prompt {prompt_id!r}: {what}")
        clip = videos.fit(clip, *sides, self.config.fit)
        video = torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2).float()
        if video.shape[2:] != sides:
            video = F.interpolate(video, sides, mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)
        video = video.to(self.device) / 127.5 - 1
        return self.vae.encode(video.transpose(0, 1)[None])
