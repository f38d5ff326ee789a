"""YAML 1.2 as nested plain values in which nothing that a person wrote is lost.

A scalar without quotes becomes a `Written`: the characters as they stand, with what the core schema of YAML 1.2 makes
of them in `value`. Who knows which type is wanted decides (see schema.py), so that 12:30:00, 007 and `no` can be texts.
ruamel.yaml parses; anchors, merge keys and comments work. Whatever else YAML allows (tags, sets, several documents,
keys that are no texts) and whatever would exhaust the machine (aliases that multiply, deep nesting, huge files) is an
error of one line.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raysearch import builtin
from raysearch.errors import UsageError

MOST_BYTES, MOST_VALUES, DEEPEST = 8 << 20, 200_000, 60
DIGITS = 400  # what is longer is no number that anybody means
NULLS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
WORDS = NULLS | {w: w.lower() == "true" for w in ("true", "True", "TRUE", "false", "False", "FALSE")}
WHOLE = re.compile(r"[-+]?(?:[0-9]+|[0-9]{1,3}(?:_[0-9]{3})+)")
OTHER = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|(?:[0-9]+|[0-9]{1,3}(?:_[0-9]{3})+)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
TEXT = "tag:yaml.org,2002:str"
SIMPLE = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null")}


class Written(str):
    """A scalar without quotes, as its characters stand. `value`: what YAML 1.2 makes of it."""

    @property
    def value(self) -> Any:
        """None, true or false, a number, or the text itself."""
        if self in WORDS:
            return WORDS[self]
        if NOT_FINITE.fullmatch(self):
            return math.nan if "n" in self.lower()[1:2] else -math.inf if self[0] == "-" else math.inf
        if len(self) > DIGITS:
            return str(self)
        if WHOLE.fullmatch(self):
            return int(self)
        if OTHER.fullmatch(self):
            return int(self, 0)
        return float(self) if NUMBER.fullmatch(self) else str(self)


def read(path: str) -> dict[str, Any]:
    """The mapping that a file holds.

    Raises:
        UsageError: in one line, for anything that is no such file.
    """
    file, shown = Path(path), path if path.isprintable() else repr(path)
    try:
        if not file.is_file():
            raise UsageError(f"{shown}: {'a folder; give a YAML file' if file.is_dir() else _missing(file)}")
        if file.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path}: {file.stat().st_size >> 20} MB; a job file has at most {MOST_BYTES >> 20} MB")
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path!r}: not a YAML file that can be read ({reason})") from None
    tree = parse(text, path)
    if not isinstance(tree, dict):
        kind = "a list" if isinstance(tree, list) else "plain text" if tree else "nothing"
        raise UsageError(f"{path}: a job file holds `key: value` lines, this one holds {kind}")
    return tree


def parse(text: str, source: str) -> Any:
    """A YAML document as nested dicts and lists with texts at the leaves: `Written`, or str for quoted ones.

    Raises:
        UsageError: beginning with `source`, for what is no YAML or none that can be meant.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    tree = _Tree(source)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            tree.take(event)
    except UsageError:
        raise
    except (YAMLError, ValueError, LookupError, AttributeError, TypeError, AssertionError, RecursionError) as error:
        raise UsageError(f"{source}: not YAML ({_short(error)})") from None
    return tree.value


def word(text: str, source: str) -> Any:
    """A value from the command line: in brackets, braces or quotes it is YAML, else the text as it stands."""
    text = text.strip()
    if text[:1] in ("[", "{", '"', "'"):
        return parse(text, source)
    if "\0" in text:
        raise UsageError(f"{source}: holds a NUL character")
    return Written(text)


@dataclass
class _Open:
    """A list or mapping that is being read. key: the key whose value comes next. merged: what `<<` brought."""

    value: Any
    anchor: str | None
    before: int
    key: str | None = None
    merged: dict[str, Any] = field(default_factory=dict)


class _Tree:
    """Plain values from the events of a parser, without recursion; aliases count as often as they are used."""

    def __init__(self, source: str):
        self.source, self.value, self.documents, self.count = source, Written(""), 0, 0
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open: list[_Open] = []

    def take(self, event: Any) -> None:
        """One event of ruamel.yaml."""
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            self.documents += 1
            if self.documents > 1:
                raise self.refused(event, "a second document; write one job in one file")
        elif kind == "AliasEvent":
            self.alias(event)
        elif kind in ("MappingStartEvent", "SequenceStartEvent", "ScalarEvent"):
            self.begin(event, kind)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            ended = self.open.pop()
            if isinstance(ended.value, dict):
                for key, value in ended.merged.items():
                    ended.value.setdefault(key, value)
            if ended.anchor:
                self.anchors[ended.anchor] = ended.value, self.count - ended.before
            if not self.open:
                self.value = ended.value

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            inside = any(level.anchor == event.anchor for level in self.open)
            raise self.refused(event, f"the anchor {event.anchor!r} inside itself" if inside else
                               f"the alias {event.anchor!r} without an anchor before it")  # fmt: skip
        value, size = self.anchors[event.anchor]
        self.counted(event, size)
        self.put(event, value)

    def begin(self, event: Any, kind: str) -> None:
        tag = str(event.tag) if event.tag is not None else ""
        if tag and tag not in SIMPLE and tag != "!":
            raise self.refused(event, f"the tag {tag.rpartition(':')[2]!r}; write the value itself")
        before = self.count
        self.counted(event, 1)
        if kind == "ScalarEvent":
            quoted = event.style is not None or tag in (TEXT, "!")
            value: Any = str(event.value) if quoted else Written(event.value)
            if event.anchor:
                self.anchors[event.anchor] = value, 1
            self.put(event, value)
            return
        if len(self.open) >= DEEPEST:
            raise self.refused(event, f"more than {DEEPEST} levels of nesting", "")
        value = {} if kind == "MappingStartEvent" else []
        self.put(event, value)
        self.open.append(_Open(value, event.anchor, before))

    def put(self, event: Any, value: Any) -> None:
        """Give a value its place in what is being read."""
        if not self.open:
            self.value = value
            return
        level = self.open[-1]
        if isinstance(level.value, list):
            level.value.append(value)
        elif level.key is None:
            if not isinstance(value, str):
                raise self.refused(event, "a key that is a list or a mapping; write a text")
            if value in level.value:
                raise self.refused(event, f"key {str(value)!r} is given twice", "")
            level.key = value
        elif level.key == "<<" and isinstance(level.key, Written):
            if not isinstance(value, dict):
                raise self.refused(event, "`<<` with something that is no mapping")
            level.merged, level.key = {**level.merged, **value}, None
        else:
            level.value[str(level.key)], level.key = value, None

    def counted(self, event: Any, size: int) -> None:
        self.count += size
        if self.count > MOST_VALUES:
            raise self.refused(event, f"more than {MOST_VALUES} values, aliases counted as often as they are used", "")

    def refused(self, event: Any, what: str, there: str = "there is ") -> UsageError:
        mark = event.start_mark
        return UsageError(f"{self.source}: line {mark.line + 1}, column {mark.column + 1}: {there}{what}")


def _missing(file: Path) -> str:
    for other in (".yaml", ".yml"):
        near = file.with_suffix(other)
        if near != file and near.is_file():
            return f"no such file; did you mean {near}?"
    remedy = builtin.remedy(str(file))
    return f"no such file; {remedy}" if remedy else "no such file"


def _short(error: Exception) -> str:
    text = " ".join(str(getattr(error, "problem", None) or error).split())
    mark = getattr(error, "problem_mark", None)
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return f"{text[:120] or type(error).__name__}{where}"
