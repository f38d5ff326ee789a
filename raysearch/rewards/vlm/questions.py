"""The questions that the reward by a vision-language model asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raysearch.errors import UsageError
from raysearch.names import lookup

Questions = str | Sequence[str] | Mapping[str, float]

QUESTIONS = {
    "physics": "Look closely at how things move in this video. Does everything fall, roll, collide, flow and bend as "
    "it would in the real world, and does nothing appear, vanish or change without a cause? Be strict: if any law of "
    "physics is broken at any time, the answer is no.",
    "text": 'Does this video show what this description says: "{text}"? Be strict: if anything named there is missing '
    "or happens differently, the answer is no.",
}


def resolve(questions: Questions, key: str = "vlm") -> list[tuple[str, str, float]]:
    """(name, question, weight) of each question; a custom one is called question_0, question_1, ...

    Args:
        questions: names of QUESTIONS or custom questions: one, a list, or a mapping to weights.
        key: where they stand in the job; errors begin with it.

    Raises:
        UsageError: for none, and for an unknown name.
    """
    if isinstance(questions, str):
        questions = [questions]
    weights = dict(questions) if isinstance(questions, Mapping) else dict.fromkeys(questions, 1.0)
    if not weights:
        raise UsageError(f"{key}.questions is empty; name physics, text, or ask a question of your own")
    each = []
    for k, (question, weight) in enumerate(weights.items()):
        if question not in QUESTIONS and " " not in question.strip():  # a misspelt name, not a question
            lookup(f"{key}.questions: question", question, QUESTIONS)
        name = question if question in QUESTIONS else f"question_{k}"
        each.append((name, QUESTIONS.get(question, question), float(weight)))
    return each
