"""The reward by a vision-language model: its options and its questions. reward.py has the computation, with torch."""

from __future__ import annotations

from typing import Literal

from raysearch.options import Count, Positive
from raysearch.rewards.base import Declaration, Need, Reward, Spec
from raysearch.rewards.networks.checkpoints import Dtype
from raysearch.rewards.vlm.questions import Questions, resolve

Answer = Literal["yes_no", "one"]


def _needs(spec: Spec) -> Need:
    return "text" if any("{text}" in question for _, question, _ in resolve(spec.get("questions", "physics"))) else ""


def _check(spec: Spec, key: str) -> None:
    resolve(spec.get("questions", "physics"), key)


@Declaration(needs=_needs, check=_check)
def vlm(
    *,
    model: str = "Qwen/Qwen2.5-VL-7B-Instruct",
    revision: str | None = None,
    dtype: Dtype = "bfloat16",
    questions: Questions = "physics",
    answer: Answer = "yes_no",
    frames: Count = 16,
    size: Count = 448,
    fps: Positive | None = None,
    device: str = "cpu",
) -> Reward:
    """Log-odds of a vision-language model's yes to one or more questions about a video.

    Args:
        model: a hub id or a folder with network, tokenizer and chat template, of Qwen2.5-VL or Qwen3-VL.
        revision: a branch or a commit of a hub id.
        dtype: the type of the weights and of the computation.
        questions: `physics`, `text` (adherence to the prompt's text) or a custom question, in which {text} is the
            prompt's text; one, a list, or a mapping to weights. The value is the weighted sum.
        answer: what the model is asked for; yes_no is the log-odds of yes, one the logit of "1".
        frames: the number of frames that it is shown, evenly over the video.
        size: their side in pixels.
        fps: frames per second of the videos, which tell the model the time; null for the rate of the generator or of
            the file, and 16 where that is not known.

    Paper: WMReward, arXiv 2601.10553 (its VLM baselines); Lin et al. 2024, arXiv 2404.01291 (VQAScore)
    """
    from raysearch.rewards.vlm.reward import VLMReward

    return VLMReward.load(
        model, device, dtype, revision, questions=questions, answer=answer, frames=frames, size=size, fps=fps
    )
