"""The one place through which pretrained parts are loaded: networks, pipelines, configurations and tokenizers.

A library that finds a tensor missing or under another name fills it with random numbers and goes on. Here the loading
report is asked for and weights are whole or refused, in one line that names the part, the number of tensors and the
first of them; files that are cut short, empty, git-lfs pointers or absent are refused before a library opens them.
Weights are read from safetensors alone, and no code that a model brings is run unless the caller trusts it.

Importing this loads neither torch, transformers nor diffusers.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from raysearch.errors import UsageError
from raysearch.pretrained.deferred import Deferred
from raysearch.pretrained.files import (
    CONFIG,
    SHOWN,
    check_files,
    check_pipeline_files,
    config,
    damage,
    of,
    one_line,
    refuse_incomplete,
)  # fmt: skip

__all__ = [
    "CONFIG", "SHOWN", "Deferred", "attempt", "auto", "check_files", "check_pipeline_files", "config", "damage",
    "network", "network_class", "one_line", "part_of", "pipeline", "reconfigured",
]  # fmt: skip

Loaded: TypeAlias = Any  # an object of the class that was asked for; the libraries' classmethods carry no types


def network(
    kind: Any, model: str, key: str, part: str = "", revision: str | None = None, trust: bool = False, **options: Any
) -> Loaded:
    """Load a network with all its weights.

    Args:
        kind: the class of transformers or diffusers, or an Auto class of transformers.
        model: a folder or a hub id.
        key: the key of the job that names the model, such as `reward.model`; messages begin with it.
        part: the subfolder, for the parts of a pipeline.
        revision: of a hub id.
        trust: whether code that the model brings may run.
        options: further arguments of from_pretrained, such as dtype.

    Returns:
        The network in evaluation mode.

    Raises:
        UsageError: if the model cannot be read, or its weights are not exactly those of the network.
        ImportError: if the network needs a package that is not installed.
    """
    check_files(Path(model) / part, model, key, part)
    if part:
        options["subfolder"] = part
    if kind.__module__.split(".")[0] == "transformers":
        options["trust_remote_code"] = trust  # diffusers' classes run no code of a model
    loaded, report = attempt(
        lambda: kind.from_pretrained(
            model, revision=revision, use_safetensors=True, output_loading_info=True, **options
        ),
        kind.__name__, model, key, part,
    )  # fmt: skip
    refuse_incomplete(report, type(loaded).__name__, model, key, part)
    return loaded.eval()


@dataclass(frozen=True)
class Quantized:
    """How a network is loaded in fewer bits.

    Attributes:
        file: a GGUF file with its weights; None for those of the model.
        config: makes the quantisation of the library of its class, `diffusers` or `transformers`.
    """

    file: Path | None
    config: Callable[[str], Any] | None


def pipeline(
    model: str, key: str, revision: str | None = None, trust: bool = False, dtypes: Mapping[str, Any] | None = None,
    quantized: Mapping[str, Quantized] | None = None, deferred: Collection[str] = (),
) -> Loaded:  # fmt: skip
    """Load a diffusers pipeline, each of its networks by `network`.

    Args:
        model: a folder or a hub id.
        key: the key of the job that names the model.
        revision: of a hub id.
        trust: whether code that the model brings may run.
        dtypes: the torch.dtype of networks by the name of the part, and `default` for the others.
        quantized: networks to load in fewer bits, by the name of the part.
        deferred: networks in whose place the pipeline gets a Deferred; those that it does not have do not matter.

    Raises:
        UsageError: if a part cannot be read, is not whole, or brings its own code and is not trusted.
    """
    from diffusers import DiffusionPipeline

    index = attempt(lambda: DiffusionPipeline.load_config(model, revision=revision), "diffusers", model, key, "")
    dtypes = dtypes or {}
    usual = dtypes.get("default")
    loads: dict[str, Callable[[], Loaded]] = {}
    waiting: dict[str, Deferred] = {}
    for name, entry in index.items():
        if (cls := network_class(entry)) is None:
            continue
        few = (quantized or {}).get(name)
        loads[name] = partial(part_of, cls, model, key, name, revision, trust, dtypes.get(name, usual), few)
        if name in deferred and entry[0] == "transformers":
            waiting[name] = Deferred(loads[name], partial(auto, cls.config_class, model, key, revision, part=name))
    parts = {name: None if name in waiting else load() for name, load in loads.items()}
    try:
        made = DiffusionPipeline.from_pretrained(
            model, revision=revision, dtype=usual, use_safetensors=True, trust_remote_code=trust, **parts
        )
    except Exception as error:  # of diffusers, or of what a part is made of
        if not trust and isinstance(error, ValueError) and "trust_remote_code" in str(error):
            raise UsageError(
                f"{key}={model!r}: a part brings its own code; read it, and if it may run here, set "
                "generator.trust_remote_code=true"
            ) from None
        raise UsageError(f"{key}={model!r}: cannot be loaded by diffusers ({one_line(error)})") from None
    for name, part in waiting.items():
        setattr(made, name, part)
    return made


def part_of(
    cls: Any, model: str, key: str, part: str, revision: str | None, trust: bool, dtype: Any, few: Quantized | None
) -> Loaded:
    """A network of a pipeline, of the class `cls`: whole, or as `few` says in fewer bits; see `network`."""
    if few is not None and few.file is not None:
        return _gguf(cls, few.file, model, key, part, revision, dtype)
    library = cls.__module__.partition(".")[0]
    more = {} if few is None or few.config is None else {"quantization_config": few.config(library)}
    return network(cls, model, key, part, revision, trust, dtype=dtype, **more)


def _gguf(cls: Any, file: Path, model: str, key: str, part: str, revision: str | None, dtype: Any) -> Loaded:
    """A network from a GGUF file, with the configuration of the model. It must hold every tensor of the network."""
    from diffusers import GGUFQuantizationConfig

    def load() -> Loaded:
        try:
            return cls.from_single_file(
                str(file), config=model, subfolder=part, config_revision=revision, dtype=dtype,
                quantization_config=GGUFQuantizationConfig(compute_dtype=dtype),
            )  # fmt: skip
        except NotImplementedError:  # placing a tensor that was not in the file
            raise UsageError(
                f"{key}={str(file)!r}{of(part)}: the file lacks tensors of {cls.__name__}; fetch it again"
            ) from None

    return attempt(load, cls.__name__, str(file), key, part).eval()


def network_class(entry: Any) -> Any:
    """The class of an entry [library, name] of an index if it is a network of a library that is known, else None.

    Other entries (schedulers, tokenizers, processors, code that the model brings) are left to diffusers.
    """
    import torch

    if not isinstance(entry, (list, tuple)) or len(entry) != 2 or not all(isinstance(e, str) for e in entry):
        return None
    library, name = entry
    if library not in ("diffusers", "transformers") and library not in sys.modules:
        return None
    cls = getattr(import_module(library), name, None)
    return cls if isinstance(cls, type) and issubclass(cls, torch.nn.Module) else None


def auto(kind: Any, model: str, key: str, revision: str | None = None, trust: bool = False, part: str = "") -> Loaded:
    """Load what has no weights: a configuration, a tokenizer or a processor.

    Args:
        kind: the class of transformers.
        model: a folder or a hub id.
        key: the key of the job that names the model.
        revision: of a hub id.
        trust: whether code that the model brings may run.
        part: the subfolder, for the parts of a pipeline.

    Raises:
        UsageError: if it cannot be read, or only by running code that the model brings.
    """
    return attempt(
        lambda: kind.from_pretrained(model, revision=revision, trust_remote_code=trust, subfolder=part),
        kind.__name__, model, key, part,
    )  # fmt: skip


def reconfigured(kind: Any, config: Mapping[str, Any], **settings: Any) -> Loaded:
    """An object of a diffusers class from the configuration of another, such as a scheduler. Nothing is read.

    `settings` replace entries of the configuration. Put into it they would be lost: a configuration notes which of its
    entries are defaults, and those are filled from the class again.
    """
    return kind.from_config(config, **settings)


def attempt(load: Callable[[], Any], name: str, model: str, key: str, part: str) -> Any:
    try:
        with _quiet():
            return load()
    except (ImportError, UsageError):
        raise  # a package that is missing, which the caller knows better, or what is told already
    except Exception as error:  # of libraries, which fail in every way on files that they did not write
        if "trust_remote_code" in str(error):
            raise UsageError(
                f"{key}={model!r}{of(part)} brings its own code, which is not run here; give a model of a class that "
                "transformers has"
            ) from None
        raise UsageError(f"{key}={model!r}{of(part)}: cannot be loaded by {name} ({one_line(error)})") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries from printing what is told in one line here, such as their tables of missing tensors."""
    names = [name for name in ("transformers", "diffusers") if name in sys.modules]
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
