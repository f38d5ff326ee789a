"""The families of video pipelines, one file each, and the tables that are derived from the files.

Adding a family takes one file here and its rows in tests/zoo/cases.py; `declare.py` says what a file may define.
What a pipeline class that no file declares can do is read from its code (probing.py). Importing this loads neither
torch nor diffusers; asking for a class that no file declares loads diffusers.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType
from typing import Any

from raysearch.generators.declare import KINDS, Autoencoder, Config, PipelineClass, ShippedModel


def _table(files: Iterable[ModuleType], name: str, entries: str) -> dict[str, Any]:
    """What the files define under `entries`, by the attribute `name` of each entry (or as the mapping it is)."""
    table: dict[str, Any] = {}
    for file in files:
        declared = getattr(file, entries, ())
        pairs = declared if isinstance(declared, dict) else {getattr(entry, name): entry for entry in declared}
        if twice := table.keys() & pairs.keys():
            raise ValueError(
                f"{file.__name__}.{entries} declares {', '.join(sorted(twice))}, which another family declares"
            )
        table |= pairs
    return table


_FILES = [import_module(f"{__name__}.{file.name}") for file in pkgutil.iter_modules(__path__)]
PIPELINES: dict[str, PipelineClass] = _table(_FILES, "pipeline", "PIPELINES")
AUTOENCODERS: dict[str, Autoencoder] = _table(_FILES, "name", "AUTOENCODERS")
REFUSED: dict[str, str] = _table(_FILES, "", "REFUSED")
SCHEDULERS: dict[str, str] = _table(_FILES, "", "SCHEDULERS")
MODELS: dict[str, ShippedModel] = _table(_FILES, "name", "MODELS")


def of(pipeline: str | type) -> PipelineClass:
    """The declaration of a pipeline class, or of the nearest class that it derives from and that has one.

    Args:
        pipeline: the class, or the name of one of diffusers.

    Returns:
        What a family declares; of a class that none declares, what its code tells; of a name that diffusers does not
        have, a declaration that takes nothing and says why.
    """
    names = [pipeline] if isinstance(pipeline, str) else [c.__name__ for c in pipeline.__mro__]
    for name in names:
        if name in PIPELINES:
            return PIPELINES[name]
        if name in REFUSED:
            return PipelineClass(name, name, (), tested=False, refused=REFUSED[name])
    from raysearch.generators import probing

    cls = probing.diffusers_class(pipeline) if isinstance(pipeline, str) else pipeline
    if cls is None:
        return PipelineClass(names[0], names[0], (), tested=False, refused="the installed diffusers does not have it")
    return probing.derived(cls)


def describe() -> list[dict[str, Any]]:
    """One row per pipeline class, with plain values.

    Returns:
        Rows with the keys pipeline, name, text, image, frames, held, chunks, batch, needs_frames, needs, notes, tested
        and why. Classes that cannot be driven come last; they take nothing.
    """
    rows = [
        {
            "pipeline": p.pipeline, "name": p.name, **{kind: kind in p.takes for kind in KINDS}, "held": p.held,
            "chunks": bool(p.continuation), "batch": p.batch, "needs_frames": p.needs_frames,
            "needs": ", ".join((*p.needs, *p.reads)), "notes": p.notes, "tested": p.tested, "why": p.why,
        }
        for p in PIPELINES.values()
    ]  # fmt: skip
    texts = {"needs": "", "notes": "", "batch": ""}
    refused = [
        dict.fromkeys(rows[0], False) | texts | {"pipeline": name, "name": name, "why": f"cannot run: {why}"}
        for name, why in REFUSED.items()
    ]
    return rows + refused


def per_latent(vae: str, vae_config: Config) -> int:
    """Frames that a latent frame stands for, by the class of an autoencoder and its configuration; 1 if not known."""
    covered = AUTOENCODERS.get(vae, Autoencoder(vae)).covers(vae_config)
    return covered[0] if covered else 1
