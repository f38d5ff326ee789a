"""The frame of every page that raysearch writes: document.html, with style sheet, security policy, scripts and data.

Invariant: a page asks nothing of any network, and runs no script but those written into it here. Its content security
policy has the browser enforce both: scripts are named by their SHA-256 (CSP Level 3, section 2.3.1).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from raysearch.report.markup import Html

if TYPE_CHECKING:
    from jinja2 import Template


def document(
    title: str,
    body: Html,
    *,
    styles: Sequence[Html] = (),
    scripts: Sequence[Html] = (),
    data: Any = None,
    media: str = "",
) -> str:
    """A whole HTML document.

    Args:
        title: Of the page, as text.
        body: What the page shows.
        styles: Style sheets beside the common one, which they may override; see `asset`.
        scripts: Scripts, run at the end of the body in this order; see `asset`.
        data: What scripts read, as JSON, from the element with the id `data`; None for no such element.
        media: Where videos and images may come from, as a source list of a content security policy: `data:` for
            those within the page, `'self' file:` for files beside it. Empty for none.

    Returns:
        The document, with everything it needs inside but those files.
    """
    sources = {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "media-src": media,
        "img-src": media,
        "script-src": " ".join(_hash(script) for script in scripts),
    }
    policy = "; ".join(f"{name} {allowed}" for name, allowed in sources.items() if allowed)
    return _frame().render(
        title=title, body=body, policy=policy, styles=(asset("raysearch.report", "style.css"), *styles),
        scripts=scripts, data=None if data is None else _json(data),
    )  # fmt: skip


@cache
def _frame() -> Template:
    """The template; text is escaped, what is `Html` stands as it is."""
    from jinja2 import Environment

    frame = resources.files(__package__).joinpath("document.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, keep_trailing_newline=True).from_string(frame)


def asset(package: str, name: str) -> Html:
    """The text of a style sheet or script in a package, e.g. `asset("raysearch.report", "style.css")`."""
    return Html(resources.files(package).joinpath(name).read_text(encoding="utf-8"))


def _json(data: Any) -> Html:
    """JSON that cannot end the script element around it."""
    return Html(json.dumps(data).replace("<", "\\u003c"))


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
