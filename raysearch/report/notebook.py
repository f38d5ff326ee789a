"""One line in a notebook: run a job, see how far it is, and get its report and its results as plain values.

import raysearch
found = raysearch.run("demo", n=4, prompts={"heldout": 2})
found          # the report
found.rows     # a list of dicts, for pandas.DataFrame
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from html import escape
from pathlib import Path
from typing import Any

from raysearch import builtin, config, runs
from raysearch.config.settings import Job
from raysearch.errors import UsageError
from raysearch.report import page, reading, write
from raysearch.report.reading import Run, SearchRecord

HEIGHT = 720  # of the frame in which a notebook shows the report, in pixels
FILMS = 8 << 20  # bytes of videos in it; report.html in the folder has them all
KEYS = {"model": "generator.model", "steps": "generator.steps", "executor": "cluster.executor"}
JOB = tuple(f.name for f in fields(Job))


@dataclass(frozen=True)
class Ran:
    """A run that was made or read. A notebook shows its report.

    Attributes:
        folder: the run folder.
        found: what it has, as the report reads it.
    """

    folder: Path
    found: Run

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A plain dict for each candidate that was finished: its prompt, rewards, NFE, and whether it was chosen."""
        return [row for entry in self.found.entries if entry.result is not None for row in _rows(self.folder, entry)]

    @property
    def best(self) -> list[dict[str, Any]]:
        """The rows of the chosen candidates, one for each prompt."""
        return [row for row in self.rows if row["chosen"]]

    @property
    def failed(self) -> dict[str, str]:
        """Why a search failed, by its name; empty if none did."""
        return {entry.name: entry.error for entry in self.found.entries if entry.error}

    def __repr__(self) -> str:
        best = ", ".join(f"{row['prompt']} {row['reward']:.4f}" for row in self.best[:8])
        more = f", and {len(self.best) - 8} more" if len(self.best) > 8 else ""
        failed = f"; failed: {', '.join(self.failed)}" if self.failed else ""
        return f"<run {self.folder}: best rewards {best or 'none'}{more}{failed}>"

    def _repr_html_(self) -> str:
        """The report in a frame of its own, so that its styles and scripts do not meet those of the notebook."""
        whole = escape(page.page(self.found, FILMS, beside=False), quote=True)
        return f'<iframe srcdoc="{whole}" style="width: 100%; height: {HEIGHT}px; border: 0" title="report"></iframe>'


def run(job: str, *words: str, cluster: str | None = None, **settings: Any) -> Ran:
    """Run a job, or resume it, with a progress display, and write its report.

    Args:
        job: path of a job file, or the name of a built-in job such as `demo`.
        words: `key=value` settings as on the command line.
        cluster: path of a cluster file, or a built-in name.
        settings: settings by name: keys of a job (`seed=1`, `prompts=["a ball falls"]`), `model`, `steps` and
            `executor` (`inline` for no Ray); every other name is an option of the search (`n=4`).

    Returns:
        The run. A search that failed is in `failed`; the others have their results.

    Raises:
        UsageError: for settings that cannot be, before a model is loaded, and if every search failed.
    """
    given = [*words, *(word for key, value in settings.items() for word in _words(key, value))]
    loaded = config.load(builtin.job(job), given, cluster and builtin.cluster(cluster))
    ended = runs.run(loaded)
    if all(end.error for end in ended):
        raise UsageError(f"{loaded.run}: every search failed, the first with: {ended[0].error}")
    return load(loaded.run)


def load(folder: str | Path) -> Ran:
    """A finished run from its folder; its report is written anew. Raises UsageError if there is none."""
    found = reading.read(str(folder))
    write(found)
    return Ran(Path(folder), found)


def _words(key: str, value: Any) -> list[str]:
    """`key=value` as on the command line, for a setting given by name."""
    if key == "prompts" and isinstance(value, (list, tuple)):
        return [f"prompts.items={_text(list(value))}", "prompts.heldout=0"]
    if isinstance(value, Mapping) and key in ("prompts", "generator", "search", "cluster"):
        return [f"{key}.{name}={_text(part)}" for name, part in value.items()]
    return [f"{KEYS.get(key) or (key if key in JOB else f'search.{key}')}={_text(value)}"]


def _text(value: Any) -> str:
    try:
        return json.dumps(value)
    except TypeError:
        raise UsageError(f"{value!r}: give a text, a number, a list or a dict") from None


def _rows(folder: Path, entry: SearchRecord) -> list[dict[str, Any]]:
    assert entry.result is not None
    chosen = entry.result.winner.key
    return [
        {
            "prompt": entry.name, "text": entry.prompt.text, "candidate": k, "reward": o.reward, **o.rewards,
            "nfe": o.cost.nfe, "chosen": o.key == chosen,
            "video": str(folder / entry.films[o.key]) if o.key in entry.films else None,
        }
        for k, o in enumerate(entry.result.finals)
    ]  # fmt: skip
