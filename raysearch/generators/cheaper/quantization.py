"""`generator.quantization`: networks in fewer bits, by the libraries that diffusers knows.

torchao and bitsandbytes turn the model's own weights into fewer bits while they are loaded; a GGUF file holds a network
that somebody has quantised. Each part of the pipeline is asked for by its name, with the options of the library.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from raysearch import pretrained
from raysearch.config.settings import GeneratorConfig
from raysearch.errors import UsageError
from raysearch.generators.declare import Config
from raysearch.names import lookup
from raysearch.pretrained import one_line, single

KEY = "generator.quantization"
GGUF, SUFFIX = "gguf", ".gguf"
OWN = ("with", "model", "revision", "type")  # keys that are no options of the library


@dataclass(frozen=True)
class Library:
    """A library that diffusers quantises with.

    Attributes:
        package: its Python package.
        gpu: whether it computes on a GPU alone.
        needs: the key that a part must have; empty for none.
        example: what a job writes, for messages.
    """

    package: str
    gpu: bool
    needs: str
    example: str


LIBRARIES: Mapping[str, Library] = {
    "torchao": Library("torchao", False, "type", "{with: torchao, type: Int8WeightOnlyConfig}"),
    "bitsandbytes": Library("bitsandbytes", True, "", "{with: bitsandbytes, load_in_4bit: true}"),
    GGUF: Library("gguf", False, "model", "{with: gguf, model: city96/Wan2.1-T2V-14B-gguf/wan2.1-t2v-14b-Q4_K_M.gguf}"),
}


def check(config: GeneratorConfig, index: Config) -> None:
    """Check the settings before anything is loaded.

    Raises:
        UsageError: for a part that the model does not have, an unknown library, one that is not installed, and options
            that it does not take.
    """
    from raysearch.generators.parts import class_name

    parts = {name: entry for name in index if (entry := class_name(index, name))}
    for part, given in config.quantization.items():
        lookup(f"{KEY}: part", part, parts)
        if "with" not in given:
            raise UsageError(f"{KEY}.{part}.with is missing; e.g. {LIBRARIES['torchao'].example}")
        library = lookup(f"{KEY}.{part}.with: library", str(given["with"]), LIBRARIES)
        if find_spec(library.package) is None:
            raise UsageError(
                f"{KEY}.{part}.with={given['with']}: takes the package {library.package}, which is not installed; pip "
                f"install {library.package}"
            )
        if library.needs and not given.get(library.needs):
            raise UsageError(f"{KEY}.{part}.{library.needs} is missing; e.g. {library.example}")
        if given["with"] == GGUF:
            _check_gguf(part, given, parts[part])
        else:
            made(config, part, str(index[part][0]))


def check_device(config: GeneratorConfig, device: str) -> None:
    """Raise UsageError for a library that needs a GPU on a device that is none."""
    for part, given in config.quantization.items():
        library = LIBRARIES.get(str(given.get("with")))
        if library is not None and library.gpu and not device.startswith("cuda"):
            raise UsageError(
                f"{KEY}.{part}.with={given['with']}: computes on a GPU alone, and this generator is on the CPU; take "
                "torchao or gguf, or give it a GPU"
            )


def _check_gguf(part: str, given: Mapping[str, Any], name: str) -> None:
    if unknown := [key for key in given if key not in ("with", "model", "revision")]:
        raise UsageError(f"{KEY}.{part}.{unknown[0]}: a GGUF file has no such option; give model and revision alone")
    file = _gguf(part, given)
    with file.open("rb") as f:
        if f.read(4) != b"GGUF":
            raise UsageError(f"{KEY}.{part}.model={given['model']!r}: {file.name} is no GGUF file; fetch it again")
    from raysearch.generators.parts import class_of

    if not hasattr(class_of(name), "from_single_file"):
        raise UsageError(f"{KEY}.{part}.with=gguf: diffusers reads no single file of a {name}; take torchao")


def _gguf(part: str, given: Mapping[str, Any]) -> Path:
    return single.locate(given["model"], f"{KEY}.{part}.model", None, given.get("revision"), SUFFIX)


def files(config: GeneratorConfig) -> dict[str, Path]:
    """The GGUF files that results depend on, by part."""
    return {part: _gguf(part, given) for part, given in config.quantization.items() if given.get("with") == GGUF}


def makers(config: GeneratorConfig) -> dict[str, pretrained.Quantized]:
    """How the parts that are to be quantised are loaded, by name."""
    gguf = files(config)
    return {
        part: pretrained.Quantized(gguf.get(part), None if part in gguf else partial(made, config, part))
        for part in config.quantization
    }


def made(config: GeneratorConfig, part: str, library: str) -> Any:
    """The quantisation of a part as its library takes it, of torchao or bitsandbytes.

    Args:
        config: the generator's settings.
        part: the name of the part.
        library: of the class of the part, diffusers or transformers, which have configurations of the same names.

    Raises:
        UsageError: for an option that the library does not have, or a value that it does not take.
    """
    given, key = config.quantization[part], f"{KEY}.{part}"
    options = {name: value for name, value in given.items() if name not in OWN}
    classes = import_module("transformers" if library == "transformers" else "diffusers")
    try:
        if given["with"] == "torchao":
            skipped = options.pop("modules_to_not_convert", None)
            return classes.TorchAoConfig(_of_torchao(given["type"], options, key), modules_to_not_convert=skipped)
        if "type" in given:
            raise UsageError(f"{key}.type: bitsandbytes has no types; e.g. {LIBRARIES['bitsandbytes'].example}")
        _known(f"{key}: option of bitsandbytes", classes.BitsAndBytesConfig, options)
        if not (options.get("load_in_8bit") or options.get("load_in_4bit")):
            raise UsageError(f"{key}: say load_in_8bit or load_in_4bit; e.g. {LIBRARIES['bitsandbytes'].example}")
        return classes.BitsAndBytesConfig(**options)
    except (TypeError, ValueError, ImportError, AttributeError) as error:
        raise UsageError(f"{key}={dict(given)}: {given['with']} does not take it ({one_line(error, 150)})") from None


def _of_torchao(name: str, options: Mapping[str, Any], key: str) -> Any:
    """One of torchao's own configurations, by the name of its class."""
    import torchao.quantization as kinds

    table = {n: cls for n in dir(kinds) if n.endswith("Config") and isinstance(cls := getattr(kinds, n), type)}
    cls = lookup(f"{key}.type: configuration of torchao", name, table)
    _known(f"{key}: option of {name}", cls, options)
    return cls(**options)


def _known(kind: str, cls: Any, options: Mapping[str, Any]) -> None:
    known = [p for p in inspect.signature(cls).parameters if p != "kwargs"]
    for name in options:
        lookup(kind, name, dict.fromkeys(known))
