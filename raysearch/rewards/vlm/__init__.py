"""The reward by a vision-language model: its options and its questions. reward.py has the computation, with torch."""

from __future__ import annotations

from typing import Any, Literal

from raysearch.options import Count, Positive
from raysearch.rewards.base import Declaration, Need, Reward, Spec
from raysearch.rewards.networks.checkpoints import Dtype
from raysearch.rewards.vlm.questions import Questions, resolve, texts

Answer = Literal["yes_no", "one", "scale"]


def _needs(spec: Spec) -> Need:
    return "text" if any("{text}" in question for _, question, _ in resolve(spec.get("questions", "physics"))) else ""


def _check(spec: Spec, key: str) -> None:
    resolve(spec.get("questions", "physics"), key)


def _identity(settings: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in settings.items() if k not in ("adapter", "ending") or v is not None}
    return {**kept, "questions": texts(settings["questions"])}


@Declaration(needs=_needs, check=_check, identity=_identity)
def vlm(
    *,
    model: str = "Qwen/Qwen2.5-VL-7B-Instruct",
    revision: str | None = None,
    adapter: str | None = None,
    dtype: Dtype = "bfloat16",
    questions: Questions = "physics",
    answer: Answer = "yes_no",
    ending: str | None = None,
    frames: Count = 16,
    size: Count = 448,
    fps: Positive | None = None,
    device: str = "cpu",
) -> Reward:
    """What a vision-language model answers to questions about a video: log-odds of yes, or a mark from 1 to 5.

    Args:
        model: a hub id or a folder with network, tokenizer and chat template, of Qwen2.5-VL or Qwen3-VL.
        revision: a branch or a commit of a hub id.
        adapter: a LoRA adapter in PEFT's format, a hub id or a folder, whose weights are added to those of the model.
        dtype: the type of the weights and of the computation.
        questions: `physics`, `text` (adherence to the prompt's text), a law such as gravity, a custom question in
            which {text} is the prompt's text, or file:PATH; one, a list, or a mapping to weights or lists of questions.
        answer: what the model is asked for; yes_no is the log-odds of yes, one the logit of "1", scale the expectation
            over the digits 1 to 5.
        ending: what is said after every question; null for what `answer` needs, an empty text for nothing, so that the
            model is asked exactly what is written.
        frames: the number of frames that it is shown, evenly over the video.
        size: their side in pixels.
        fps: frames per second of the videos, which tell the model the time; null for the rate of the generator or of
            the file, and 16 where that is not known.

    The laws are gravity, inertia, momentum, impenetrability, collision, material, permanence, order, fluid, light. A
    file holds one question. The value is the weighted sum; of a list in a mapping, the mean counts.

    Paper: WMReward, arXiv 2601.10553 (its VLM baselines); Lin et al. 2024, arXiv 2404.01291 (VQAScore)
    """
    from raysearch.rewards.vlm.reward import VLMReward

    return VLMReward.load(
        model, device, dtype, revision, adapter, questions=questions, answer=answer, ending=ending, frames=frames,
        size=size, fps=fps,
    )  # fmt: skip
