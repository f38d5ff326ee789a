"""Pages of the documentation site that are made from other files: a hook of mkdocs, used by mkdocs.yml.

The overview is the README, and one page of the API reference stands for each room of the package. The reference is read
from the source text without importing it. Links between the sources are turned into links between the pages.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "clusters/README.md": "cluster-files.md",
}
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
# What a browser fetches by itself: scripts, styles, fonts, media, frames; and diagrams, whose script the theme fetches.
FETCHES = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed|object|link)\b[^>]*"""
    r"""\b(?:src|data|href)=["']?(?:https?:)?//[^>]*>"""
    r"""|url\(["']?(?:https?:)?//[^)]*\)|@import[^;]*;|class=["']?mermaid["' >]"""
)


def rooms() -> list[str]:
    """The modules and packages directly below raysearch/, sorted; private ones are left out."""
    package = ROOT / "raysearch"
    modules = {p.stem for p in package.glob("*.py")} | {p.parent.name for p in package.glob("*/__init__.py")}
    return sorted(name for name in modules if not name.startswith("_"))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Append the reference to the navigation."""
    assert config.nav is not None
    config.nav.append({"Reference": [{name: f"reference/{name}.md"} for name in rooms()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages made from other files."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text()
        files.append(File.generated(config, page, content=relinked(text, source)))
    for name in rooms():
        files.append(File.generated(config, f"reference/{name}.md", content=f"# {name}\n\n::: raysearch.{name}\n"))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links of a file in docs/ that leave the folder into links to the pages made from their targets."""
    uri = page.file.src_uri
    return markdown if uri in PAGES.values() else relinked(markdown, f"docs/{uri}")


def on_post_build(config: MkDocsConfig) -> None:
    """Fail if a page or a style sheet of the built site fetches anything from elsewhere."""
    for path in sorted(p for p in Path(config.site_dir).rglob("*") if p.suffix in (".html", ".css")):
        if match := FETCHES.search(path.read_text()):
            raise PluginError(f"{path} would fetch from elsewhere or run a script that does: {match[0]}")


def relinked(text: str, source: str) -> str:
    """The text of a repository file with its relative links as a page of the site has them.

    A link to a file that is no page is kept as it is, and fails the strict build.
    """

    def target(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        return PAGES.get(path, path.removeprefix("docs/") if path.startswith("docs/") else match[1])

    return LINK.sub(target, text)
