"""The questions that the reward by a vision-language model asks: named ones, those of a job, and those of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from raysearch.errors import UsageError
from raysearch.names import lookup

Questions = str | Sequence[str] | Mapping[str, float | Sequence[str]]
FILE = "file:"  # before the path of a text file that holds the question

QUESTIONS = {
    "physics": "Look closely at how things move in this video. Does everything fall, roll, collide, flow and bend as "
    "it would in the real world, and does nothing appear, vanish or change without a cause? Be strict: if any law of "
    "physics is broken at any time, the answer is no.",
    "gravity": "Does every body that nothing holds fall, faster and faster, and come to rest on what is below it?",
    "inertia": "Does every body that nothing pushes keep its speed and its direction, or stay at rest?",
    "momentum": "When bodies meet, does the motion that one loses go over to the others?",
    "impenetrability": "Do solid bodies and surfaces never pass through one another?",
    "collision": "Do bodies that collide bounce, stop or break as bodies of their kind do?",
    "material": "Does every material bend, flow, break or keep its shape as that material does?",
    "permanence": "Does every thing stay the same thing, so that none appears, vanishes, splits or merges by itself?",
    "order": "Do events follow one another in the order that cause and effect demand?",
    "fluid": "Do liquids and gases flow, rise, splash and stay together as they do in the real world?",
    "light": "Do shadows, reflections and refractions move with what causes them?",
    "text": 'Does this video show what this description says: "{text}"? Be strict: if anything named there is missing '
    "or happens differently, the answer is no.",
}


def resolve(questions: Questions, key: str = "vlm") -> list[tuple[str, str, float]]:
    """(name, question, weight) of each question; a custom one is called question_0, question_1, ...

    Args:
        questions: names of QUESTIONS, custom questions, or `file:PATH` for the text of a file, word for word: one, a
            list, or a mapping to weights. In a mapping a name may also have a list of questions, which are asked one by
            one, called NAME_0, NAME_1, ..., and count as one by their mean.
        key: where they stand in the job; errors begin with it.

    Raises:
        UsageError: for none, for an unknown name, and for a file that cannot be read.
    """
    if isinstance(questions, str):
        questions = [questions]
    given = questions if isinstance(questions, Mapping) else dict.fromkeys(questions, 1.0)
    if not given or any(value == [] for value in given.values()):
        raise UsageError(f"{key}.questions is empty; name physics, text, or ask a question of your own")
    each = []
    for k, (question, value) in enumerate(given.items()):
        if isinstance(value, (int, float)):
            each.append((question if question in QUESTIONS else f"question_{k}", _text(question, key), float(value)))
            continue
        each += [(f"{question}_{j}", _text(part, key), 1 / len(value)) for j, part in enumerate(value)]
    return each


def texts(questions: Questions) -> Questions:
    """The same questions with the texts of files in place of their paths."""
    if isinstance(questions, str):
        return _file(questions)
    if not isinstance(questions, Mapping):
        return [_file(q) for q in questions]
    return {_file(q): v if isinstance(v, (int, float)) else [_file(p) for p in v] for q, v in questions.items()}


def _text(question: str, key: str) -> str:
    """The text of a question; raises UsageError for a word that is no name."""
    text = _file(question, key)
    if text not in QUESTIONS and " " not in text.strip():  # a misspelt name, not a question
        lookup(f"{key}.questions: question", text, QUESTIONS)
    return QUESTIONS.get(text, text)


def _file(question: str, key: str = "vlm") -> str:
    """The text of the file that a question names, without the end of its last line; any other question as it is."""
    if not question.startswith(FILE):
        return question
    path = question.removeprefix(FILE).strip()
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        raise UsageError(f"{key}.questions={question!r}: {error}") from None
