"""A generator whose loading goes as planned: by the count of those that came before it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from examples import clockwork
from raysearch.config.settings import GeneratorConfig


def settings(steps: int, folder: Path, *plan: str) -> GeneratorConfig:
    """The k-th replica to load does plan[k]: `well`, `raise`, or `wait` until there is a file `go`; later ones well."""
    found = clockwork.settings(steps, folder=str(folder), plan=list(plan))
    found.name = "tests.executors.loading:load"
    return found


def load(config: Any, device: str) -> clockwork.Clockwork:
    call = dict(config.call)
    folder, plan = Path(call.pop("folder")), call.pop("plan")
    place = 0
    while True:
        try:
            (folder / f"load-{place}").touch(exist_ok=False)
            break
        except FileExistsError:
            place += 1
    what = plan[place] if place < len(plan) else "well"
    if what == "raise":
        raise RuntimeError("the disk of this node is broken")
    while what == "wait" and not (folder / "go").exists():
        time.sleep(0.1)
    return clockwork.Clockwork(config.steps, float(config.fps), **call)
