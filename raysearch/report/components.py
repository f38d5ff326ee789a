"""What all pages are made of: header, sections, tables that sort and filter, cards with plots, links, settings.

Pages of runs, sweeps, challenges and comparisons use these and nothing of their own, so that they read alike. A table
is whole without the script; the script lets it be sorted by a click on a head and searched by words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from raysearch.report.markup import NONE, Html, el, number

FOLD = 12  # rows of a table beyond which it is folded by `folded`


def header(
    facts: Sequence[str], title: str, sentences: Sequence[str], links: Html | None = None,
    parts: Mapping[str, str] | None = None,
) -> Html:  # fmt: skip
    """The top of a page.

    Args:
        facts: What the page is and of what, in small type.
        title: The result, in one sentence.
        sentences: What it rests on.
        links: Files beside the page; see `links`.
        parts: Sections that can be jumped to, by name their ids.
    """
    jumps = [el("a", name, href=f"#{id}") for name, id in (parts or {}).items()]
    return el(
        "header", el("p", " · ".join(facts), class_="kicker"), el("h1", title),
        [el("p", text, class_="lede") for text in sentences], links,
        el("nav", jumps, class_="links", aria_label="On this page") if jumps else None,
    )  # fmt: skip


def section(title: str, *content: Any, id: str | None = None) -> Html:
    """A section of a page under its heading."""
    return el("section", el("h2", title), *content, id=id)


def notices(texts: Iterable[str]) -> list[Html]:
    """What a reader must not miss, as short boxes."""
    return [el("p", text, class_="notice") for text in texts]


def small(*text: Any) -> Html:
    """An explanation below what it explains."""
    return el("p", *text, class_="small")


def card(title: str, plot: Html, caption: str) -> Html:
    """A plot with its title and, where that needs words, what it shows."""
    return el("figure", el("h3", title), plot, el("figcaption", caption) if caption else None, class_="card")


def cards(shown: Sequence[Html | None]) -> Html | None:
    """Cards side by side; None for none."""
    kept = [s for s in shown if s is not None]
    return el("div", kept, class_="plots") if kept else None


def links(files: Mapping[str, str]) -> Html | None:
    """Links to files beside the page, by what they are called; None for none."""
    if not files:
        return None
    return el("nav", [el("a", name, href=href) for name, href in files.items()], class_="links", aria_label="Files")


def grid(heads: Sequence[Any], rows: Sequence[Sequence[Any]], caption: str, class_: str = "", sort: bool = False,
         find: str = "") -> Html:  # fmt: skip
    """A table; the first cell of a row is its heading. It scrolls by itself where the window is narrow.

    Args:
        heads: Of the columns, text or Html.
        rows: Cells, text or Html.
        caption: What it is, for those who do not see it.
        class_: Of the style sheet.
        sort: Whether a click on a head sorts the rows.
        find: What a field above it asks to search for; empty for no such field.
    """
    head = el("thead", el("tr", [el("th", h, scope="col") for h in heads]))
    body = [el("tr", el("th", r[0], scope="row"), [el("td", c) for c in r[1:]]) for r in rows]
    names = " ".join(filter(None, (class_, "sort" if sort else "")))
    table = el("table", el("caption", caption, class_="unseen"), head, el("tbody", body), class_=names or None)
    shown = el("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)
    if not find:
        return shown
    field = el("input", type="search", placeholder=find, aria_label=find, class_="find")
    return el("div", el("p", field, el("span", class_="count", aria_live="polite"), hidden=True), shown, class_="found")


def folded(table: Html, rows: int, summary: str) -> Html:
    """A table, folded if it has many rows."""
    return table if rows <= FOLD else el("details", el("summary", summary), table)


def range_of(low: float, high: float, places: int | None = None, sign: bool = False) -> str:
    """The ends of an interval, `1.2 to 3.4`; a dash where there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return NONE
    return f"{number(low, places, sign)} to {number(high, places, sign)}"


def colour(index: int, name: str) -> list[Html]:
    """The name of something that has this colour on the whole page."""
    return [el("span", class_=f"swatch s{index % 8}", aria_hidden="true"), el("span", name)]


def legend(colours: Mapping[str, int], *more: Html) -> Html:
    """What the colours of a plot stand for.

    Args:
        colours: Number of the colour, by what has it.
        more: Further entries.
    """
    return el("p", [el("span", colour(index, name)) for name, index in colours.items()], *more, class_="legend")


def settings(config: Mapping[str, Any], text: str, versions: Mapping[str, str], note: str = "") -> Html:
    """The section with every setting, searchable, the file as it is, and versions.

    Args:
        config: The settings as a mapping.
        text: config.yaml; empty where there is none.
        versions: Versions and hashes, by name.
        note: What is to be said of them.
    """
    rows = [[key, value] for key, value in flat(config)]
    return section(
        "Configuration",
        grid(["Setting", "Value"], rows, "Settings", "settings", find="Find a setting, e.g. seed") if rows else None,
        el("details", el("summary", "config.yaml"), el("pre", text, tabindex=0)) if text else None,
        grid(["", "Version"], list(versions.items()), "Versions and hash", "versions") if versions else None,
        small(note) if note else None, id="configuration",
    )  # fmt: skip


def flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting by its dotted key, in order; lists as they are written."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            plain = {None: "null", True: "true", False: "false"}
            yield f"{prefix}{key}", plain[value] if value is None or isinstance(value, bool) else str(value)
