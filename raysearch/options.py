"""Options of parts: what a strategy, reward, guide or generator can be given, read from the part itself.

A part is a function or class. Its options are its parameters: types and bounds stand in their annotations, such as
`Annotated[int, Ge(1)]`, the meaning of each in the `Args:` section of the docstring (Google style), and the paper in a
line that begins with `Paper: `. So nothing about an option is written down twice. `describe` reads them for help pages
and listings, `check` holds what a person wrote against them before anything is loaded.

Invariant: values are checked, never converted, so that what was written is what is used and hashed.
"""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, is_dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MinLen

from raysearch.errors import UsageError
from raysearch.moves import Fraction, Window
from raysearch.names import LONGEST, lookup

__all__ = [
    "REQUIRED", "Choice", "Count", "Fraction", "Natural", "NonNegative", "Option", "Part", "Positive",
    "PositiveFraction", "Strength", "Window", "arguments", "check", "check_value", "describe", "fits", "words",
]  # fmt: skip

Count = Annotated[int, Ge(1)]
Natural = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
PositiveFraction = Annotated[float, Gt(0), Le(1)]
Strength = NonNegative | Mapping[str, Positive]  # lambda, or {sd: in standard deviations of the reward, spread: of it}

REQUIRED = "(required)"  # in place of a default
SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Yields|Raises|Attributes|Examples?|Notes?):\s*$")
KINDS: dict[Any, tuple[str, str]] = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
}


@dataclass(frozen=True, eq=False)
class Choice:
    """The names that an option takes, `Annotated[str, Choice(TABLE)]`; so the table stays the only list."""

    names: Collection[str]


@dataclass(frozen=True)
class Option:
    """One option of a part.

    Attributes:
        name: its key in a job.
        default: its default value, or REQUIRED.
        annotation: its type with its bounds; Any where the author gives none.
        meaning: what it does, from the docstring; empty where the author does not say.
    """

    name: str
    default: Any
    annotation: Any
    meaning: str

    @property
    def values(self) -> str:
        """Which values it takes, in words, such as `a whole number of at least 1`; empty where nothing is declared."""
        return words(self.annotation)


@dataclass(frozen=True)
class Part:
    """A part as it describes itself: its name, a summary of one line, its paper, and its options by name."""

    name: str
    summary: str
    paper: str
    options: Mapping[str, Option]


def describe(make: Callable[..., Any], name: str = "", without: Sequence[str] = (), shared: str = "") -> Part:
    """Read the description of a part from its signature and docstring. Nothing is called.

    Args:
        make: the function or class.
        name: what it is called in a job; defaults to its `__name__`.
        without: parameters that are no options, such as `seed` and `steps` of a strategy.
        shared: a further docstring whose `Args:` explain options that several parts have in common.
    """
    doc = inspect.getdoc(make) or ""
    meanings = arguments(shared) | arguments(doc)
    if inspect.isclass(make) and not is_dataclass(make):
        meanings = arguments(shared) | arguments(inspect.getdoc(make.__init__) or "") | arguments(doc)
    hints = _hints(make)
    options = {
        p.name: Option(
            p.name,
            REQUIRED if p.default is p.empty else p.default,
            hints.get(p.name, Any),
            meanings.get(p.name, ""),
        )
        for p in _parameters(make)
        if p.name not in without
    }
    papers = [line.removeprefix("Paper: ") for line in doc.splitlines() if line.startswith("Paper: ")]
    return Part(name or make.__name__, next(iter(doc.splitlines()), "no description"), " ".join(papers), options)


def arguments(doc: str) -> dict[str, str]:
    """The meanings in the `Args:` (or `Attributes:`) section of a Google-style docstring, by name."""
    meanings: dict[str, str] = {}
    inside, depth, name = False, 0, ""
    for line in inspect.cleandoc(doc).splitlines():
        if section := SECTION.match(line):
            inside, depth = section[1] in ("Args", "Arguments", "Parameters", "Attributes"), 0
            continue
        if not inside or not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        depth = depth or indent
        if not indent:
            inside = False
        elif indent == depth and (entry := re.match(r"\*{0,2}(\w+)(?: \([^)]*\))?:\s*(.*)", line.strip())):
            name, meanings[entry[1]] = entry[1], entry[2]
        elif name:
            meanings[name] = f"{meanings[name]} {line.strip()}".strip()
    return meanings


def check(part: Part, given: Mapping[str, Any], key: str, remedy: str = "") -> None:
    """Hold what a person wrote against the options of a part.

    Args:
        part: the description.
        given: values by option, as read from YAML or the command line.
        key: where they stand in the job, such as `search` or `watch[0]`; errors begin with it.
        remedy: a further sentence for an unknown option.

    Raises:
        UsageError: for an unknown option (with the nearest name), a missing one, and a value that cannot be meant.
    """
    for name in given:
        if not part.options:
            raise UsageError(f"{key}.{name}: {part.name} has no options" + (f"; {remedy}" if remedy else ""))
        lookup(f"{key}: option of {part.name}", str(name), part.options, remedy)
    for option in part.options.values():
        if option.name in given:
            check_value(f"{key}.{option.name}", given[option.name], option.annotation)
        elif option.default is REQUIRED:
            values = f", {option.values}" if option.values else ""
            raise UsageError(f"{key}.{option.name} is missing; {part.name} needs it{values}")


def check_value(key: str, value: Any, annotation: Any) -> None:
    """Raise UsageError naming key, value and remedy unless the value is of the annotated type and within its bounds."""
    texts = [choice for choice in _choices(annotation) if isinstance(choice, str)]
    if texts and isinstance(value, str):
        if value not in texts:
            lookup(f"{key}:", value, dict.fromkeys(texts))
        return
    if not fits(value, annotation):
        several = "; raysearch sweep takes several values" if isinstance(value, str) and "," in value else ""
        shown = repr(value)
        shown = shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."
        raise UsageError(f"{key}={shown}: give {words(annotation) or 'another value'}{several}")


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of an annotated type and within its bounds.

    Integers pass as numbers and lists as tuples; true and false are no numbers, and NaN and infinities never pass.
    Of a dataclass only instances pass: whoever declares one says how it is written.
    """
    if annotation is Any:
        return True
    members = _members(annotation)
    if made := tuple(m for m in members if inspect.isclass(m) and is_dataclass(m)):
        return isinstance(value, made) or (value is None and type(None) in members)
    if isinstance(value, bool) and _choices(annotation):  # which equals 1 or 0
        return any(choice is value for choice in _choices(annotation))
    from pydantic import ValidationError

    try:
        _adapter(annotation).validate_json(json.dumps(value), strict=True)
    except (ValidationError, TypeError, ValueError, RecursionError):
        return False
    return True


def words(annotation: Any) -> str:
    """Which values an annotation allows, in words; empty where it does not say."""
    choices = _choices(annotation)
    if choices:
        return " or ".join([*map(str, choices), *["null"] * (type(None) in _members(annotation))])
    if get_origin(annotation) is Annotated:
        inner, *bounds = get_args(annotation)
        said = next((b for b in bounds if isinstance(b, str)), "")
        return said or " ".join(filter(None, (words(inner), _bounds(bounds))))
    if get_origin(annotation) in (Union, types.UnionType):
        several = [words(a) for a in get_args(annotation)]
        return " or ".join(w for w in dict.fromkeys(several) if w)
    if annotation is type(None):
        return "null"
    if annotation in KINDS:
        return KINDS[annotation][0]
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin in (list, tuple, set, Sequence, AbstractSet) and inside:
        return f"a list of {_plural(inside[0])}"
    if origin in (dict, Mapping) and len(inside) == 2:
        return f"a mapping to {_plural(inside[1])}"
    return {dict: "a mapping", Mapping: "a mapping", list: "a list", Sequence: "a list"}.get(annotation, "")


def _plural(annotation: Any) -> str:
    bounds = ""
    if get_origin(annotation) is Annotated:
        annotation, *extra = get_args(annotation)
        bounds = _bounds(extra)
    if annotation in KINDS:
        return " ".join(filter(None, (KINDS[annotation][1], bounds)))
    if annotation is dict or get_origin(annotation) in (dict, Mapping):
        return "mappings"
    return words(annotation) or "values"


def _bounds(bounds: Sequence[Any]) -> str:
    low = next((b for b in bounds if isinstance(b, (Ge, Gt))), None)
    high = next((b for b in bounds if isinstance(b, (Le, Lt))), None)
    if low is not None and high is not None:
        opening, closing = "[" if isinstance(low, Ge) else "(", "]" if isinstance(high, Le) else ")"
        return f"in {opening}{_end(low)}, {_end(high)}{closing}"
    if low is not None:
        return f"{'of at least' if isinstance(low, Ge) else 'above'} {_end(low)}"
    if high is not None:
        return f"{'of at most' if isinstance(high, Le) else 'below'} {_end(high)}"
    least = next((b.min_length for b in bounds if isinstance(b, MinLen)), 0)
    return f"with at least {least} item{'s' if least > 1 else ''}" if least else ""


def _end(bound: Any) -> str:
    value = next(getattr(bound, name) for name in ("ge", "gt", "le", "lt") if hasattr(bound, name))
    return f"{value:g}"


def _choices(annotation: Any) -> tuple[Any, ...]:
    """The members of a Literal, also inside a union with null, or the names of a Choice; of nothing else."""
    if get_origin(annotation) is Annotated:
        for entry in get_args(annotation)[1:]:
            if isinstance(entry, Choice):
                return tuple(entry.names)
    members = [m for m in _members(annotation) if m is not type(None)]
    if members and all(get_origin(m) is Literal for m in members):
        return tuple(c for m in members for c in get_args(m))
    return ()


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(m for a in get_args(annotation) for m in _members(a))
    return (annotation,)


def _parameters(make: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        parameters = inspect.signature(make).parameters.values()
    except ValueError:  # some builtins show no signature
        return []
    return [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _hints(make: Callable[..., Any]) -> dict[str, Any]:
    """Annotations by parameter, resolved; those that name what cannot be imported here count as not given."""
    owner = make.__init__ if inspect.isclass(make) and not is_dataclass(make) else make
    try:
        return get_type_hints(owner, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}


@lru_cache(maxsize=512)
def _adapter(annotation: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False, arbitrary_types_allowed=True))
