"""Jobs and cluster files that come with raysearch, by name: `raysearch run demo` works in any folder.

A file of the user comes first: a name is looked up here only where there is no such file.
"""

from __future__ import annotations

from pathlib import Path

from raysearch.names import nearest

FOLDER = Path(__file__).parents[1]  # jobs and clusters lie in the package


def jobs() -> dict[str, Path]:
    """The job files that come with raysearch, by name."""
    return {path.stem: path for path in sorted((FOLDER / "jobs").glob("*.yaml"))}


def clusters() -> dict[str, Path]:
    """The cluster files that come with raysearch, by name; all but `local` have settings that must be changed."""
    made = {path.parent.name: path for path in sorted((FOLDER / "clusters").glob("*/run.yaml"))}
    return {"local": FOLDER / "clusters/local.yaml", **made}


def job(word: str) -> str:
    """The path of a job file: the word itself, or the built-in job of that name where there is no such file."""
    return _path(word, jobs())


def cluster(word: str) -> str:
    """The path of a cluster file, as `job`."""
    return _path(word, clusters())


def remedy(word: str) -> str:
    """What to tell about a word that is neither a file nor a built-in name; empty where it looks like a path."""
    if "/" in word or "." in word:
        return ""
    near = nearest(word, [*jobs(), *clusters()])
    return f"did you mean the built-in {near!r}? " * bool(near) + f"built-in jobs: {', '.join(jobs())}"


def _path(word: str, table: dict[str, Path]) -> str:
    return str(table[word]) if word in table and not Path(word).is_file() else word
