"""Experiment trackers: TensorBoard, Weights & Biases, MLflow. One file each, behind one contract; off by default.

`track: NAME` of a job, or a mapping with `name` and the options of the tracker. Importing this loads none of them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from raysearch import options
from raysearch.errors import UsageError
from raysearch.names import lookup

KEY = "track"
CLASSES = {"tensorboard": "TensorBoard", "wandb": "WeightsAndBiases", "mlflow": "MLflow"}  # by name, which is the file
KEYS = "keys of a service come from the environment alone (docs/observability.md, Trackers)"


@dataclass(frozen=True)
class RunFacts:
    """What a tracker is told of a run.

    Attributes:
        folder: the run folder, a path or URL.
        title: what the run is called.
        config: the job, nested mappings of plain values.
        key: tells the job from another one in the same folder.
        id: of the tracker's run that is gone on with; empty for a new one.
    """

    folder: str
    title: str
    config: Mapping[str, Any]
    key: str
    id: str = ""


class Tracker(Protocol):
    """One run at a tracker. Its methods are called from one thread, and may raise anything.

    Attributes:
        id: by which a later invocation goes on with it.
    """

    id: str

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Log finite numbers by name, `run/...` against NFE or `searches/NAME/...` against the number of the read."""
        ...

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Log a table of texts and numbers."""
        ...

    def video(self, name: str, mp4: bytes) -> None:
        """Log a film."""
        ...

    def flush(self) -> None:
        """Return once what was logged would survive the end of this process."""
        ...

    def close(self, failed: bool) -> None:
        """End this invocation."""
        ...


def read(given: str | Mapping[str, Any] | None, here: bool = True) -> dict[str, Any]:
    """The job's `track` as a mapping, checked; empty where it is off. Loads no tracker.

    Args:
        given: what the job says.
        here: the run is about to begin on this machine, so that the tracker must be there.

    Raises:
        UsageError: for an unknown name or option, a value that cannot be meant, and a package that is not installed.
    """
    if given is None:
        return {}
    spec = {"name": given} if isinstance(given, str) else dict(given)
    if not isinstance(spec.get("name"), str):
        raise UsageError(f"{KEY}.name is missing; give one of {', '.join(CLASSES)}")
    lookup(f"{KEY}: tracker", spec["name"], CLASSES)
    module = import_module(f"{__name__}.{spec['name']}")
    part = options.describe(_class(spec["name"]), spec["name"], without=("about",))
    options.check(part, {k: v for k, v in spec.items() if k != "name"}, KEY, KEYS)
    if not here:
        return spec
    name = spec["name"]
    there = importlib.util.find_spec(name)
    if there is None or there.origin is None:  # a folder of that name, where a tracker keeps its files, is no package
        raise UsageError(f"{KEY}={name}: the package {name} is not installed; pip install 'raysearch[{name}]'")
    check: Callable[[], None] | None = getattr(module, "check", None)
    if check is not None:
        check()
    return spec


def create(spec: Mapping[str, Any], about: RunFacts) -> Tracker:
    """The tracker of a spec that `read` has checked, begun; it may raise anything."""
    made: Tracker = _class(spec["name"])(about, **{k: v for k, v in spec.items() if k != "name"})
    return made


def _class(name: str) -> Any:
    return getattr(import_module(f"{__name__}.{name}"), CLASSES[name])
