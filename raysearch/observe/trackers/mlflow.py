"""MLflow: MLFLOW_TRACKING_URI says where its server or store is, and its own variables hold user, password or token."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from raysearch.observe.trackers import RunFacts

UNNAMED = re.compile(r"[^\w\-. /]")  # what names at MLflow may not have
LONGEST = 6000  # characters of a parameter


class MLflow:
    """A run of MLflow.

    Args:
        about: the run.
        experiment: where it belongs; it is made if need be.
    """

    def __init__(self, about: RunFacts, *, experiment: str = "raysearch"):
        self._client: Any = import_module("mlflow.tracking").MlflowClient()
        if about.id:
            self.id = about.id
            self._client.update_run(self.id, status="RUNNING")
            return
        known = self._client.get_experiment_by_name(experiment)
        where = known.experiment_id if known else self._client.create_experiment(experiment)
        self.id = self._client.create_run(where, run_name=about.title, tags={"raysearch.run": about.folder}).info.run_id
        for name, value in _flat(about.config):
            self._client.log_param(self.id, UNNAMED.sub("_", name), str(value)[:LONGEST])

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Metrics."""
        for name, value in values.items():
            self._client.log_metric(self.id, UNNAMED.sub("_", name), value, step=step)

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A CSV file among the artifacts."""
        text = io.StringIO()
        csv.writer(text).writerows([columns, *rows])
        self._file(f"{name}.csv", text.getvalue().encode())

    def video(self, name: str, mp4: bytes) -> None:
        """An mp4 file among the artifacts."""
        self._file(f"{name}.mp4", mp4)

    def flush(self) -> None:
        """Nothing: every call has been answered."""

    def close(self, failed: bool) -> None:
        """Set the status of the run."""
        self._client.set_terminated(self.id, "FAILED" if failed else "FINISHED")

    def _file(self, name: str, data: bytes) -> None:
        folder, _, last = name.rpartition("/")
        with tempfile.TemporaryDirectory() as near:
            path = Path(near, UNNAMED.sub("_", last))
            path.write_bytes(data)
            self._client.log_artifact(self.id, str(path), folder or None)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value not in (None, [], ()):
            yield f"{prefix}{key}", value
