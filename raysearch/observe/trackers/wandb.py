"""Weights & Biases: the key, WANDB_API_KEY, comes from the environment; WANDB_MODE=offline keeps all here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError
from raysearch.observe.trackers import RunFacts

LOCAL = ("offline", "disabled", "dryrun")  # modes that ask for no key


class WeightsAndBiases:
    """A run of Weights & Biases. Its own files lie in `wandb` in the run folder.

    Args:
        about: the run.
        project: where it belongs.
        entity: user or team; by default that of the key.
        group: to which runs it belongs.
        tags: of the run.
    """

    def __init__(
        self, about: RunFacts, *, project: str = "raysearch", entity: str | None = None, group: str | None = None,
        tags: Sequence[str] = (),
    ):  # fmt: skip
        wandb: Any = import_module("wandb")
        self._wandb = wandb
        local = "://" not in about.folder
        self._run = wandb.init(
            project=project, entity=entity, group=group, tags=list(tags) or None, name=about.title,
            config=dict(about.config), id=about.id or None, resume="allow", dir=about.folder if local else None,
            settings=wandb.Settings(silent=True, console="off"),
        )  # fmt: skip
        self.id = self._run.id
        for axis, names in (("run/nfe", "run/*"), ("read", "searches/*")):
            self._run.define_metric(axis)
            self._run.define_metric(names, step_metric=axis)

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """One row of the history; the axis of `searches/...` is the number of the read."""
        whole = all(name.startswith("run/") for name in values)
        self._run.log({**values, "run/nfe" if whole else "read": step})

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table."""
        self._run.log({name: self._wandb.Table(columns=list(columns), data=[list(row) for row in rows])})

    def video(self, name: str, mp4: bytes) -> None:
        """A film."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "film.mp4")
            path.write_bytes(mp4)
            self._run.log({name: self._wandb.Video(str(path), format="mp4")})

    def flush(self) -> None:
        """Nothing: a process of its own writes what it is given at once."""

    def close(self, failed: bool) -> None:
        """Finish the run and wait until all is sent."""
        self._run.finish(exit_code=int(failed))


def check() -> None:
    """Raise UsageError where there is no key and one would be asked for."""
    known = os.environ.get("WANDB_API_KEY") or Path("~/.netrc").expanduser().exists()
    if not known and os.environ.get("WANDB_MODE") not in LOCAL:
        raise UsageError(
            "track=wandb: WANDB_API_KEY is not set; set it in the environment, or WANDB_MODE=offline to keep all on "
            "this machine"
        )
