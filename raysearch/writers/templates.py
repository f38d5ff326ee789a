"""Instructions for writers. {text} stands for the prompt's own text; the whole answer, cleaned, is the new wording.

`physics_iq` follows the best-practice prompts of Physics-IQ Verified: a locked-off camera, real time, what moves and of
what it is made, the outcome, and nothing beside. Extenders that ship with video models ask for camera moves, light and
action, which lose there.
"""

from __future__ import annotations

import re

_RULES = (
    "Keep every fact of the description. Add no object, person, sound, text, cut, camera move or change of light. "
    "Write one paragraph in the present tense, in English, and answer with that paragraph alone."
)
TEMPLATES = {
    "physics_iq": (
        "Rewrite this description of a video for a video generator, so that the physics of the scene is unmistakable.\n"
        "Say in this order: that the camera is static and the shot is one take in real time; what is in the scene and "
        "what each thing is made of; what moves, from where, in which direction and how fast; what touches what; and "
        "the outcome at the end, as real matter would behave. Use 50 to 90 words. "
        f"{_RULES}\n\nDescription: {{text}}"
    ),
    "timeline": (
        "Rewrite this description of a video of five seconds for a video generator. Begin with the static camera. Then "
        "describe second by second what moves and which force moves it (gravity, friction, contact, pressure), and "
        "what stays still. End with what must not happen: that things appear, vanish, merge or change their shape. "
        f"Use 100 to 200 words. {_RULES}\n\nDescription: {{text}}"
    ),
    "plain": (
        "Say the same in other words, as short and clear as possible, for a video generator. "
        f"{_RULES}\n\nDescription: {{text}}"
    ),
}


NOTHING = "NOTHING"
CRITIQUE = (
    "These are frames of a video that a generator made from the description below, in order, {times}. {place}\n"
    "Say in at most 80 words what in it could not happen in the real world, or contradicts the description: which "
    "thing, when, and against which law (gravity, contact, inertia, conservation of matter). If nothing is wrong, "
    f"answer with the single word {NOTHING}.\n\nDescription: {{text}}"
)
REWORDING = (
    "A video generator was given the wording below, and this was wrong with its video:\n{critique}\n\n"
    "Rewrite the wording so that the generator is led to what really would happen: say what moves, where, how, what "
    f"touches what, and the outcome. Use at most 120 words. {_RULES}\n\nWording: {{wording}}"
)


def wording(answer: str) -> str:
    """The wording that an answer holds: without thoughts, code fences, quotes and line breaks; may be empty."""
    text = re.sub(r"<think>.*?(</think>|\Z)", " ", answer, flags=re.DOTALL)
    text = text.rpartition("</think>")[2]
    fenced = re.search(r"```[a-z]*\n(.*?)```", text, flags=re.DOTALL)
    text = " ".join((fenced[1] if fenced else text).split())
    while len(text) > 1 and text[0] + text[-1] in ('""', "''", "“”", "``"):
        text = text[1:-1].strip()
    return text
