"""HTML and SVG as nested calls, and numbers as the report prints them.

Invariant: text becomes HTML in one place, `el`, which escapes every child and attribute that is not `Html` already.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from typing import Any

VOID = frozenset({"br", "input", "meta"})
MINUS, NONE = "\u2212", "\u2013"


class Html(str):
    """Text that is HTML already."""

    def __html__(self) -> str:
        """Itself: what templates ask for before they escape a value."""
        return str(self)


def el(tag: str, *children: Any, **attributes: Any) -> Html:
    """One element. Children: Html as it is, None not at all, lists in order, all else as escaped text.

    Attributes: None and False leave them out, True writes the bare name; `class_` is class, `aria_label` aria-label.
    """
    written = "".join(_attribute(k, v) for k, v in attributes.items() if v is not None and v is not False)
    if tag in VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Iterable[Any]) -> Html:
    """Children one after another, escaped where they are text."""
    return Html("".join(_child(c) for c in children))


def _child(child: Any) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, (list, tuple)):
        return join(child)
    return html.escape(str(child))


def _attribute(name: str, value: Any) -> str:
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'


def decimals(values: Iterable[float], step: float = math.nan) -> int:
    """Decimals that show the largest value with three digits and, if given, a step with two; 0 to 6."""
    sizes = [abs(v) for v in values if math.isfinite(v) and v]
    wanted = [2 - math.floor(math.log10(max(sizes)))] if sizes else [2]
    if math.isfinite(step) and step:
        wanted.append(1 - math.floor(math.log10(abs(step))))
    return min(max(*wanted, 0), 6)


def number(value: float, places: int | None = None, sign: bool = False, missing: str = "not scored") -> str:
    """A number as in print, with a true minus sign and aligned digits.

    Args:
        value: The number; infinities are written with their sign.
        places: Decimals; three significant digits by default.
        sign: Whether a plus sign is written.
        missing: What is written for NaN.

    Returns:
        The text.
    """
    if math.isnan(value):
        return missing
    if math.isinf(value):
        return ("" if value > 0 else MINUS) + "\u221e"
    written = f"{value:{'+' if sign else ''},.{decimals([value]) if places is None else places}f}"
    if not any(c in "123456789" for c in written):
        written = written.lstrip("+-")  # no sign on zero
    return written.replace("-", MINUS)


def count(n: int, noun: str) -> str:
    """`1 prompt`, `2 prompts`, `1,000 prompts`."""
    return f"{n:,} {noun}{'' if n == 1 else 'es' if noun.endswith('ch') else 's'}"


def seconds(value: float) -> str:
    """`4.2 s`, `3 min 05 s`, `2 h 10 min`."""
    if not math.isfinite(value):
        return NONE
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left:02d} min" if hours else f"{minutes} min {rest:02d} s"
