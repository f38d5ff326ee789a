"""Log-odds of a vision-language model's answer about a video (Qwen2.5-VL and Qwen3-VL of transformers).

The answer is read from the logits of the first token of the reply; nothing is generated. Spellings of a word (case, a
leading space) that are single tokens of the tokenizer add up as probabilities, by log-sum-exp of their logits.

    yes_no   log P(yes) - log P(no): 0 where the model cannot tell
    one      the logit of "1" itself, as in rewards like VQAScore and the baselines of WMReward (arXiv 2601.10553, A.3)
    scale    the expectation of the digit, 1 to 5, under their probabilities: finer than the likeliest digit, so no ties

Patches are cut here as by the processors of both families (arXiv 2502.13923, 2511.21631), but resized bilinearly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer
from transformers.image_utils import IMAGENET_STANDARD_MEAN, IMAGENET_STANDARD_STD, OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from transformers.utils.logging import disable_progress_bar

from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.prompts import Prompt
from raysearch.rewards.base import Reward, Scores
from raysearch.rewards.networks import checkpoints, lora, pixels
from raysearch.rewards.networks.checkpoints import Dtype
from raysearch.rewards.vlm.questions import Questions, resolve

FAMILIES = {  # by model_type: mean and deviation of the colours, with which the processor normalises
    "qwen2_5_vl": (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD),
    "qwen3_vl": (IMAGENET_STANDARD_MEAN, IMAGENET_STANDARD_STD),
}
ANSWERS: dict[str, tuple[str, ...]] = {  # the instruction, and the words that count, the best one first
    "yes_no": ("Answer with yes or no only.", "yes", "no"),
    "one": ("Answer with 1 for yes or 0 for no only.", "1", "0"),
    "scale": ("Rate this from 1 (not at all) to 5 (fully). Answer with a single digit only.", "5", "4", "3", "2", "1"),
}
UNKNOWN = 16.0  # frames per second assumed where nobody knows
START, PAD, END = "<|vision_start|>", "<|video_pad|>", "<|vision_end|>"


class Shown(NamedTuple):
    """Which frames the model is shown: their indices, of how many, at how many frames per second."""

    picks: list[int]
    total: int
    fps: float


class VLMReward(Reward):
    """The reward of videos under one vision-language model; see `vlm` for the options.

    Raises:
        UsageError: for an unknown question or answer.
    """

    def __init__(
        self,
        model: Any,  # of transformers, which has no common type
        tokenizer: Any,
        questions: Questions = "physics",
        answer: str = "yes_no",
        ending: str | None = None,
        frames: int = 16,
        size: int = 448,
        fps: float | None = None,
    ):
        self.model, self.tokenizer = model.eval().requires_grad_(False), tokenizer
        self._family = str(model.config.model_type)
        vision = model.config.vision_config
        self._patch, self._merge, self._pair = vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size
        unit = self._patch * self._merge
        self.size = self._side = max(1, round(size / unit)) * unit
        self.frames, self.answer, self.fps = frames, answer, fps
        usual, *words = lookup("vlm.answer:", answer, ANSWERS)
        said = f" {usual}" if ending is None else ending and f" {ending}"
        self.questions = {name: (f"{q}{said}", weight) for name, q, weight in resolve(questions)}
        self._words = [_tokens(tokenizer, word) for word in words]

    @classmethod
    def load(
        cls, model: str, device: str = "cpu", dtype: Dtype = "bfloat16", revision: str | None = None,
        adapter: str | None = None, **options: Any,
    ) -> VLMReward:  # fmt: skip
        """Load network and tokenizer and make the reward; see `vlm` for the options.

        Raises:
            UsageError: for what cannot be loaded, and for other families than Qwen2.5-VL and Qwen3-VL.
        """
        kind = checkpoints.load(AutoConfig, "vlm", model, revision=revision).model_type
        if kind not in FAMILIES:
            raise UsageError(f"vlm.model={model!r}: it is of type {kind}; supported are {', '.join(FAMILIES)}")
        disable_progress_bar()
        tokenizer = checkpoints.load(AutoTokenizer, "vlm", model, revision=revision)
        if not tokenizer.chat_template:
            raise UsageError(f"vlm.model={model!r}: its tokenizer has no chat template; use an instruct model")
        network = checkpoints.load(AutoModelForImageTextToText, "vlm", model, revision=revision, dtype=dtype)
        if adapter is not None:
            lora.merge(network, adapter, model, "vlm.adapter")
        return cls(network.to(device), tokenizer, **options)

    @torch.no_grad()
    def score(self, view: np.ndarray, prompt: Prompt, fps: float | None = None) -> Scores:
        """The weighted sum; details by question: its value, the probability of the best answer, and the joint mass.

        A question about the text of a prompt without text is NaN.
        """
        video, value, details = pixels.tensor(view), 0.0, dict[str, float]()
        shown = Shown(pixels.uniform(self.frames, video.shape[1]), video.shape[1], self.fps or fps or UNKNOWN)
        patches, grid = self._patches(pixels.squared(video[:, shown.picks], self._side, self.model.device)[0])
        for name, (question, weight) in self.questions.items():
            if "{text}" in question and not prompt.text:
                details[name] = float("nan")
            else:
                text = prompt.text.replace("<|", "<")  # so that a prompt cannot contain tokens of the chat template
                logits = self._logits(question.replace("{text}", text), patches, grid, shown)
                details |= {f"{name}{k}": v for k, v in self._read(logits).items()}
            value += weight * details[name]
        return Scores(value, details)

    @torch.no_grad()
    def say(
        self, view: np.ndarray, question: str, seed: int, max_tokens: int, temperature: float, fps: float | None = None
    ) -> str:
        """What the model says to a question about a video; the same seed gives the same text.

        Args:
            view: uint8 [frames, height, width, 3], of which `frames` are shown.
            question: the question.
            seed: of the sampling.
            max_tokens: of the answer at most.
            temperature: of the sampling; 0 takes the most likely token each time.
            fps: frames per second of the view.
        """
        video = pixels.tensor(view)
        shown = Shown(pixels.uniform(self.frames, video.shape[1]), video.shape[1], self.fps or fps or UNKNOWN)
        patches, grid = self._patches(pixels.squared(video[:, shown.picks], self._side, self.model.device)[0])
        given = self._given(question.replace("<|", "<"), patches, grid, shown)
        sampled = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            made = self.model.generate(**given, max_new_tokens=max_tokens, **sampled)
        text: str = self.tokenizer.decode(made[0, given["input_ids"].shape[1] :], skip_special_tokens=True)
        return text

    def _read(self, logits: Tensor) -> dict[str, float]:
        each = torch.stack([torch.logsumexp(logits[ids], 0) for ids in self._words])
        probability, mass = each.softmax(0), torch.logsumexp(each, 0) - torch.logsumexp(logits, 0)
        if self.answer == "scale":
            value = (probability * torch.arange(len(each), 0, -1, device=each.device)).sum()
        else:
            value = each[0] if self.answer == "one" else each[0] - each[1]
        return {"": value.item(), ".probability": probability[0].item(), ".mass": mass.exp().item()}

    def _logits(self, question: str, patches: Tensor, grid: list[int], shown: Shown) -> Tensor:
        """The logits of the first token of the answer, fp32 [vocabulary]."""
        given = self._given(question, patches, grid, shown)
        logits: Tensor = self.model(**given, logits_to_keep=1).logits[0, -1].float()
        return logits

    def _given(self, question: str, patches: Tensor, grid: list[int], shown: Shown) -> dict[str, Tensor]:
        """What the model is given of a question and a video."""
        chat = self._chat(question, grid, shown)
        ids = self.tokenizer(chat, return_tensors="pt", add_special_tokens=False).input_ids
        types = 2 * (ids == self.model.config.video_token_id).int()
        sampled = len(shown.picks) / shown.total * shown.fps
        device, more = self.model.device, {}
        if self._family == "qwen2_5_vl":
            more["second_per_grid_ts"] = torch.tensor([self._pair / sampled], device=device)
        ids, types = ids.to(device), types.to(device)
        return {
            "input_ids": ids, "mm_token_type_ids": types, "attention_mask": torch.ones_like(ids),
            "pixel_values_videos": patches, "video_grid_thw": torch.tensor([grid], device=device), **more,
        }  # fmt: skip

    def _chat(self, question: str, grid: list[int], shown: Shown) -> str:
        """The chat up to the answer, with a placeholder for every token of the video."""
        content = [{"type": "video"}, {"type": "text", "text": question}]
        text: str = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        if text.count(START + PAD + END) != 1:
            raise UsageError(f"vlm.model: its chat template does not place a video as {START + PAD + END}")
        each = PAD * (grid[1] * grid[2] // self._merge**2)
        if self._family == "qwen2_5_vl":
            return text.replace(PAD, each * grid[0])
        picks = [*shown.picks, *shown.picks[-1:] * (-len(shown.picks) % self._pair)]
        times = [(picks[k] + picks[k + self._pair - 1]) / 2 / shown.fps for k in range(0, len(picks), self._pair)]
        return text.replace(START + PAD + END, "".join(f"<{t:.1f} seconds>{START}{each}{END}" for t in times))

    def _patches(self, frames_TCHW: Tensor) -> tuple[Tensor, list[int]]:
        """Frames as [patches, values of one], patches that are merged next to each other, and the grid (t, h, w)."""
        odd = -len(frames_TCHW) % self._pair
        x = torch.cat([frames_TCHW, frames_TCHW[-1:].expand(odd, -1, -1, -1)])
        x = pixels.normalised(x, *FAMILIES[self._family])
        t, side, p, m = len(x) // self._pair, x.shape[-1] // self._patch, self._patch, self._merge
        split = x.view(t, self._pair, 3, side // m, m, p, side // m, m, p).permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
        return split.reshape(t * side * side, -1).to(self.model.dtype), [t, side, side]


def _tokens(tokenizer: Any, word: str) -> list[int]:
    """Token ids of those spellings of a word that are single tokens. Raises UsageError if there are none."""
    spellings = [space + w for w in (word, word.capitalize(), word.upper()) for space in ("", " ")]
    encoded = [tokenizer.encode(w, add_special_tokens=False) for w in spellings]
    ids = {e[0] for e in encoded if len(e) == 1 and e[0] != tokenizer.unk_token_id}
    if not ids:
        raise UsageError(f"vlm.model: its tokenizer has no single token for {word!r}; use another answer")
    return sorted(ids)
