"""Modular pipelines of diffusers: their index, and their parts, loaded by the same rules as those of other pipelines.

An entry of the index is [library, class, where it lies]. Parts that lie in another repository are refused, because a
job names one model at one revision; of the parts that it holds only those are loaded that the given workflows use. No
code that a model brings is run. Importing this loads no other library.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError
from raysearch.pretrained import Deferred, Loaded, Quantized, attempt, auto, config, network_class, part_of

INDEX = "modular_model_index.json"


def is_part(entry: Any) -> bool:
    """Whether an entry of the index is a part."""
    return isinstance(entry, (list, tuple)) and len(entry) == 3 and isinstance(entry[2], Mapping)


def library_and_class(entry: Any) -> list[str | None]:
    """The library and the class of a part; [None, None] of one that the model does not bring."""
    library, name, where = entry
    if not where.get("pretrained_model_name_or_path"):
        return [None, None]
    hint = where.get("type_hint") or (None, None)
    return [library or hint[0], name or hint[1]]


def pipeline(
    cls: Any, index: Path, workflows: Iterable[str], model: str, key: str, revision: str | None = None,
    dtypes: Mapping[str, Any] | None = None, quantized: Mapping[str, Quantized] | None = None,
    deferred: Collection[str] = (),
) -> Loaded:  # fmt: skip
    """Load a modular pipeline, each of its networks by `pretrained.network`.

    Args:
        cls: its class of diffusers.
        index: the file of its index.
        workflows: of its blocks; parts that none of them uses are left out.
        model: a folder or a hub id.
        key: the key of the job that names the model.
        revision: of a hub id.
        dtypes: the torch.dtype of networks by the name of the part, and `default` for the others.
        quantized: networks to load in fewer bits, by the name of the part.
        deferred: networks in whose place the pipeline gets a Deferred; those that it does not have do not matter.

    Raises:
        UsageError: if a part cannot be read, is not whole, or lies in another repository.
    """
    values, dtypes = config(index, model, key), dtypes or {}
    result = attempt(lambda: cls(modular_config_dict=values), cls.__name__, model, key, "")
    used = [spec.name for name in workflows for spec in result.blocks.get_workflow(name).expected_components]
    parts: dict[str, Any] = {}
    waiting: dict[str, Deferred] = {}
    for name in dict.fromkeys(used):
        entry: Any = values.get(name)
        if not is_part(entry) or (named := library_and_class(entry))[1] is None:
            continue
        part, kind = _place(entry[2], name, model, key), network_class(named)
        if kind is not None:
            dtype, few = dtypes.get(name, dtypes.get("default")), (quantized or {}).get(name)
            load = partial(part_of, kind, model, key, part, revision, False, dtype, few)
            if name in deferred and named[0] == "transformers":
                waiting[name] = Deferred(load, partial(auto, kind.config_class, model, key, revision, part=part))
            else:
                parts[name] = load()
        else:
            parts[name] = _without_weights(named, model, key, part, revision)
    result.update_components(**parts)
    for name, later in waiting.items():
        setattr(result, name, later)
    return result


def _place(where: Mapping[str, Any], name: str, model: str, key: str) -> str:
    """The subfolder of a part in the model. Raises UsageError for one that is not in it."""
    part, repository = str(where.get("subfolder") or name), where["pretrained_model_name_or_path"]
    if repository != model and not (Path(model) / part).is_dir():
        raise UsageError(
            f"{key}={model!r}: its part {name} lies in {repository!r}; put all parts into one folder, and give that"
        )
    return part


def _without_weights(named: list[Any], model: str, key: str, part: str, revision: str | None) -> Loaded:
    """A scheduler, tokenizer or processor of a known library."""
    library, name = named
    kind = getattr(import_module(library), name, None) if library in ("diffusers", "transformers") else None
    if kind is None:
        raise UsageError(
            f"{key}={model!r}: its part {part} is of the class {library}.{name}, which is neither of diffusers nor of "
            "transformers as they are installed; install the versions that the model asks for"
        )
    options: dict[str, Any] = {"subfolder": part, "revision": revision}
    if library == "transformers":
        options["trust_remote_code"] = False
    return attempt(lambda: kind.from_pretrained(model, **options), name, model, key, part)
