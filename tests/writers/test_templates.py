"""The wording that an answer holds, and what every instruction asks for."""

import pytest

from raysearch.writers.templates import TEMPLATES, wording


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ('  "A ball\n falls." ', "A ball falls."),
        ("<think>a camera pan?\n</think>\nA ball falls.", "A ball falls."),
        ("no tag opened</think>A ball.", "A ball."),
        ("<think>it never ends", ""),
        ("Here it is:\n```text\nA ball\nfalls.\n```\nEnjoy!", "A ball falls."),
        ("“A ball.”", "A ball."),
        ('The "red" ball and the "blue"', 'The "red" ball and the "blue"'),
        ("", ""), ('""', ""),
    ],
)  # fmt: skip
def test_wordings_are_taken_out_of_answers(answer, text):
    assert wording(answer) == text


def test_every_instruction_holds_the_text_once_and_forbids_what_costs_points():
    for name, text in TEMPLATES.items():
        assert text.count("{text}") == 1, name
        assert "camera" in text and "Add no object" in text and "alone" in text
