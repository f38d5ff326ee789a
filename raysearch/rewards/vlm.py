"""Ask a vision-language model about the video: log-odds of its answer (Qwen2.5-VL, Qwen3-VL through transformers).

The answer is read from the logits of the first token it would say; nothing is generated. Variants of a word (case, a
leading space) that are one token of the tokenizer are added as probabilities, so log-sum-exp of their logits.

    yes_no   log P(yes) - log P(no): 0 where the model cannot tell
    one      the logit of "1" itself, as VQAScore-like rewards and WMReward's baselines have it (arXiv 2601.10553, A.3)

Frames become patches here, as the processors of both families make them (arXiv 2502.13923, 2511.21631), but bilinear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer
from transformers.image_utils import IMAGENET_STANDARD_MEAN, IMAGENET_STANDARD_STD, OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from transformers.utils.logging import disable_progress_bar

from raysearch.errors import UsageError
from raysearch.names import lookup
from raysearch.prompts import Prompt
from raysearch.rewards import Scores, checkpoints, pixels

FAMILIES = {  # by model_type: mean and deviation of colours that the processor takes out
    "qwen2_5_vl": (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD),
    "qwen3_vl": (IMAGENET_STANDARD_MEAN, IMAGENET_STANDARD_STD),
}
QUESTIONS = {
    "physics": "Look closely at how things move in this video. Does everything fall, roll, collide, flow and bend as "
    "it would in the real world, and does nothing appear, vanish or change without a cause? Be strict: if any law of "
    "physics is broken at any time, the answer is no.",
    "text": 'Does this video show what this description says: "{text}"? Be strict: if anything named there is missing '
    "or happens differently, the answer is no.",
}
ANSWERS = {  # what is asked for, and the words that count for and against
    "yes_no": ("Answer with yes or no only.", "yes", "no"),
    "one": ("Answer with 1 for yes or 0 for no only.", "1", "0"),
}
START, PAD, END = "<|vision_start|>", "<|video_pad|>", "<|vision_end|>"


class VLMReward:
    """Log-odds of a vision-language model's yes to one or more questions about a video.

    questions: `physics`, `text` (adherence to the prompt's text) or a question of your own, in which {text} is the
    prompt's text; one, a list, or a mapping to weights; the value is the weighted sum. answer: what is asked for,
    yes_no or one (its logit). frames: how many uniform ones are shown. size: their side, px. fps: of the videos judged,
    which tells the model the time; by default that of the generator, where it is known (clip_fps), else 16.
    Paper: WMReward, arXiv 2601.10553 (its VLM baselines); Lin et al. 2024, arXiv 2404.01291 (VQAScore)
    """

    differentiable = False

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        questions: str | Sequence[str] | Mapping[str, float] = "physics",
        answer: str = "yes_no",
        frames: int = 16,
        size: int = 448,
        fps: float | None = None,
    ):
        self.model, self.tokenizer = model.eval().requires_grad_(False), tokenizer
        self._family = str(model.config.model_type)
        vision = model.config.vision_config
        self._patch, self._merge, self._pair = vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size
        if frames < 1 or size < 1 or (fps is not None and fps <= 0):
            raise UsageError(f"vlm.frames={frames}, vlm.size={size}, vlm.fps={fps}: all must be positive")
        unit = self._patch * self._merge
        self.size: int | None = max(1, round(size / unit)) * unit
        self.frames, self.answer = frames, answer
        self._fps, self.clip_fps = fps, None  # clip_fps: set by whoever knows the rate of the views
        ending, yes, no = lookup("vlm.answer:", answer, ANSWERS)
        self.questions = {name: (f"{q} {ending}", weight) for name, q, weight in asked(questions)}
        self._for, self._against = _tokens(tokenizer, yes), _tokens(tokenizer, no)

    @classmethod
    def load(
        cls,
        model: str = "Qwen/Qwen2.5-VL-7B-Instruct",
        device: str = "cpu",
        dtype: str = "bfloat16",
        revision: str | None = None,
        **options,
    ) -> VLMReward:
        """model: a hub id or a folder with network, tokenizer and chat template, of Qwen2.5-VL or Qwen3-VL.

        Raises UsageError for other families.
        """
        kind = checkpoints.load(AutoConfig, "vlm", model, None, revision).model_type
        if kind not in FAMILIES:
            raise UsageError(f"vlm.model={model!r}: is of type {kind}; supported are {', '.join(FAMILIES)}")
        disable_progress_bar()
        tokenizer = checkpoints.load(AutoTokenizer, "vlm", model, None, revision)
        if not tokenizer.chat_template:
            raise UsageError(f"vlm.model={model!r}: its tokenizer has no chat template; use an instruct model")
        network = checkpoints.load(AutoModelForImageTextToText, "vlm", model, None, revision, dtype=dtype)
        return cls(network.to(device), tokenizer, **options)

    @property
    def fps(self) -> float:
        return self._fps or self.clip_fps or 16.0

    @torch.no_grad()
    def score(self, view: np.ndarray, prompt: Prompt) -> Scores:
        """The weighted sum; details by question: its log-odds or logit, P(yes) of yes and no, and their joint mass.

        NaN for a question about the prompt's text where there is none.
        """
        video, value, found = pixels.tensor(view), 0.0, dict[str, float]()
        picks = pixels.uniform(self.frames, video.shape[1])
        assert self.size is not None
        patches, grid = self._patches(pixels.squared(video[:, picks], self.size, self.model.device)[0])
        for name, (question, weight) in self.questions.items():
            if "{text}" in question and not prompt.text:
                found[name] = float("nan")
            else:
                text = prompt.text.replace("<|", "<")  # or a prompt could speak as the chat template does
                logits = self._logits(question.replace("{text}", text), patches, grid, picks, video.shape[1])
                found |= {f"{name}{k}": v for k, v in self._read(logits).items()}
            value += weight * found[name]
        return Scores(value, found)

    def _read(self, logits: Tensor) -> dict[str, float]:
        yes, no = (torch.logsumexp(logits[ids], 0) for ids in (self._for, self._against))
        share, mass = torch.sigmoid(yes - no), torch.logaddexp(yes, no) - torch.logsumexp(logits, 0)
        value = yes if self.answer == "one" else yes - no
        return {"": value.item(), ".probability": share.item(), ".mass": mass.exp().item()}

    def _logits(self, question: str, patches: Tensor, grid: list[int], picks: list[int], total: int) -> Tensor:
        """Of the first token of the answer, fp32 [vocabulary]."""
        ids = self.tokenizer(self._said(question, grid, picks), return_tensors="pt", add_special_tokens=False).input_ids
        types = 2 * (ids == self.model.config.video_token_id).int()
        sampled = len(picks) / total * self.fps
        device, more = self.model.device, {}
        if self._family == "qwen2_5_vl":
            more["second_per_grid_ts"] = torch.tensor([self._pair / sampled], device=device)
        ids, types = ids.to(device), types.to(device)
        return self.model(
            input_ids=ids, mm_token_type_ids=types, attention_mask=torch.ones_like(ids),
            pixel_values_videos=patches, video_grid_thw=torch.tensor([grid], device=device), logits_to_keep=1, **more,
        ).logits[0, -1].float()  # fmt: skip

    def _said(self, question: str, grid: list[int], picks: list[int]) -> str:
        """The chat up to the answer, with a placeholder for every token of the video."""
        content = [{"type": "video"}, {"type": "text", "text": question}]
        text = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        if text.count(START + PAD + END) != 1:
            raise UsageError(f"vlm.model: its chat template does not place a video as {START + PAD + END}")
        each = PAD * (grid[1] * grid[2] // self._merge**2)
        if self._family == "qwen2_5_vl":
            return text.replace(PAD, each * grid[0])
        picks = [*picks, *picks[-1:] * (-len(picks) % self._pair)]
        times = [(picks[k] + picks[k + self._pair - 1]) / 2 / self.fps for k in range(0, len(picks), self._pair)]
        return text.replace(START + PAD + END, "".join(f"<{t:.1f} seconds>{START}{each}{END}" for t in times))

    def _patches(self, frames_TCHW: Tensor) -> tuple[Tensor, list[int]]:
        """[patches, values of one], those merged standing together, and the grid (times, rows, columns)."""
        odd = -len(frames_TCHW) % self._pair
        x = torch.cat([frames_TCHW, frames_TCHW[-1:].expand(odd, -1, -1, -1)])
        x = pixels.normalised(x, *FAMILIES[self._family])
        t, side, p, m = len(x) // self._pair, x.shape[-1] // self._patch, self._patch, self._merge
        split = x.view(t, self._pair, 3, side // m, m, p, side // m, m, p).permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
        return split.reshape(t * side * side, -1).to(self.model.dtype), [t, side, side]


def asked(questions: str | Sequence[str] | Mapping[str, float]) -> list[tuple[str, str, float]]:
    """(name, question, weight) of each; a question of one's own is called question_0, question_1, ..."""
    if isinstance(questions, str):
        questions = [questions]
    weights = dict(questions) if isinstance(questions, Mapping) else dict.fromkeys(questions, 1.0)
    if not weights:
        raise UsageError("vlm.questions is empty; name physics, text, or ask a question of your own")
    found = []
    for k, (q, weight) in enumerate(weights.items()):
        if isinstance(weight, bool) or not isinstance(weight, (int, float)):
            raise UsageError(f"vlm.questions: {q!r}: weight {weight!r} must be a number")
        if q not in QUESTIONS and " " not in q.strip():  # a misspelt name, not a question
            lookup("vlm.questions: question", q, QUESTIONS)
        found.append((q if q in QUESTIONS else f"question_{k}", QUESTIONS.get(q, q), float(weight)))
    return found


def _tokens(tokenizer: Any, word: str) -> list[int]:
    """Token ids of the word's spellings that are single tokens. Raises UsageError if there is none."""
    spellings = [space + w for w in (word, word.capitalize(), word.upper()) for space in ("", " ")]
    encoded = [tokenizer.encode(w, add_special_tokens=False) for w in spellings]
    ids = {e[0] for e in encoded if len(e) == 1 and e[0] != tokenizer.unk_token_id}
    if not ids:
        raise UsageError(f"vlm.model: its tokenizer has no single token for {word!r}; use another answer")
    return sorted(ids)
