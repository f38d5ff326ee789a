"""Names: look one up in a table, where an unknown one is an error that says which is nearest; and what options mean."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from raysearch.errors import UsageError

T = TypeVar("T")
LONGEST = 80  # characters of a name that an error shows


def lookup(kind: str, name: str, table: Mapping[str, T], remedy: str = "") -> T:
    """The entry of a table.

    Args:
        kind: what the names name, such as `strategy`; errors begin with it.
        name: the name.
        table: entries by name.
        remedy: a further sentence for the error.

    Raises:
        UsageError: naming kind and value, the nearest name, all names and the remedy.
    """
    if name in table:
        return table[name]
    shown = name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."
    near = difflib.get_close_matches(shown, table, n=1, cutoff=0.0)
    guess = f"did you mean {near[0]!r}? " if near else ""
    message = f"{kind} {shown!r} is unknown; {guess}There are: {', '.join(table) or 'none'}"
    raise UsageError(f"{message}; {remedy}" if remedy else message)


def meanings(options: Iterable[str], *docs: str | None) -> dict[str, str]:
    """What each option means: the sentence behind `option: ` in the first of the docstrings that has one, else "".

    An option begins a line or follows a full stop or a semicolon, and ends at a full stop or where the next one begins.
    """
    names = list(options)
    found = dict.fromkeys(names, "")
    if not names:
        return found
    start = re.compile(rf"(?:^|(?<=[.;] ))({'|'.join(map(re.escape, names))}):\s", re.M)
    for doc in docs:
        text = inspect.cleandoc(doc or "")
        marks = list(start.finditer(text))
        ends = [*(mark.start() for mark in marks), len(text)][1:]
        for mark, end in zip(marks, ends, strict=True):
            sentence = re.split(r"(?<!e\.g)(?<!i\.e)\.(?:\s|$)|\n\n|\n(?=[A-Z]\w* ?\w*: )", text[mark.end() : end])[0]
            found[mark[1]] = found[mark[1]] or " ".join(sentence.split()).rstrip(";,.")
    return found


VALUES = {
    "int": "whole number", "float": "number", "bool": "true or false", "str": "text",
    "Sequence[float]": "list of numbers", "Sequence[int]": "list of whole numbers",
    "Sequence[str]": "list of texts", "Sequence[Mapping[str, Any]]": "list of mappings",
    "Mapping[str, float]": "mapping to numbers",
}  # fmt: skip


def kind(annotation: Any) -> str:
    """Which values an option takes, from the type of its parameter; "" where that does not say."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    if choices := re.fullmatch(r"(?:typing\.)?Literal\[(.*)\]", text):
        return " or ".join(choice.strip(" '\"") for choice in choices[1].split(","))
    words = [VALUES.get(part) for part in text.replace("collections.abc.", "").replace("typing.", "").split(" | ")]
    return " or ".join(word for word in words if word)
