"""Where the parts of a MAGI-1 checkpoint stand, and what it is. Reads headers and names alone; loads no torch.

The published layout is ckpt/magi/NAME/SUB with the network (`inference_weight`, `.distill`, `.fp8.distill`), ckpt/vae
and ckpt/t5/t5-v1_1-xxl, and from the code repository special_tokens.npz. A job names NAME or SUB, or a model that ships
with raysearch. Whether a model is distilled does not show in its tensors, so the names tell it; whether it is in fp8,
and how large it is, does, so names that contradict the tensors are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raysearch.errors import UsageError
from raysearch.generators import families
from raysearch.generators.magi1.shape import Architecture, architecture
from raysearch.generators.magi1.vae_shape import VaeShape, vae_shape
from raysearch.pretrained import check_files, config

KEY = "generator.model"
NETWORK, FP8 = "inference_weight", "F8_E4M3"
TOKENS = "special_tokens.npz"
SCALES = (".weight_scale", ".input_scale", ".smooth_scale")  # beside a weight in fp8
MARK = "videodit_blocks.final_layernorm.weight"
UP = 3  # folders between the network and ckpt


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk.

    Attributes:
        model: as the job names it.
        network: its folder.
        files: the safetensors files of the network.
        vae: folder of the autoencoder.
        text: folder of the text encoder.
        tokens: file of the special tokens, or None.
        architecture: of the network.
        vae_shape: of the autoencoder.
        distilled: whether the names say that it is distilled, or that it is not; None where they say neither.
        quantised: whether weights are in fp8.
    """

    model: str
    network: Path
    files: tuple[Path, ...]
    vae: Path
    text: Path
    tokens: Path | None
    architecture: Architecture
    vae_shape: VaeShape
    distilled: bool | None
    quantised: bool

    @property
    def where(self) -> str:
        """The key and value of the job, for messages."""
        return f"{KEY}={self.model!r}"


def is_magi1(model: str) -> bool:
    """Whether a folder holds a MAGI-1 network, or folders of one."""
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return False
    index = folder / "model.safetensors.index.json"
    single = folder / "model.safetensors"
    try:
        if index.is_file():
            return MARK in json.loads(index.read_bytes()).get("weight_map", {})
        if single.is_file():
            return MARK in header(single)
    except (OSError, ValueError, AttributeError):
        return False
    return any(path.name.startswith(NETWORK) for path in folder.iterdir() if path.is_dir())


def checkpoint(model: str, tokens: str | None = None) -> Checkpoint:
    """Find the parts of a checkpoint and read what it is.

    Args:
        model: the folder that a job names.
        tokens: the file of special tokens that a job names; None looks for it in the folders above the network.

    Raises:
        UsageError: for a folder that is none of MAGI-1, a part that is missing or damaged, and names that contradict
            the tensors.
    """
    network = _network(model)
    where = f"{KEY}={model!r}"
    if packed := sorted(network.glob("*.zst")):
        raise UsageError(f"{where}: {packed[0].name} is compressed; run: zstd -d --rm {network}/*.zst")
    check_files(network, model, KEY)
    files = tuple(sorted(network.glob("*.safetensors")))
    if not files:
        raise UsageError(f"{where}: {network} holds no safetensors files; fetch the model again")
    entries = {name: entry for file in files for name, entry in header(file).items()}
    quantised = any(entry["dtype"] == FP8 for entry in entries.values())
    built = architecture(shapes_of(entries), where)
    distilled = _distilled(network, built, quantised, where)
    above = [network.parent, *list(network.parents)[1 : UP + 1]]
    vae = _part(above, "vae", "diffusion_pytorch_model.safetensors", where)
    check_files(vae, model, KEY, "vae")
    vae_config = config(vae / "config.json", model, KEY) if (vae / "config.json").is_file() else {}
    file = vae / "diffusion_pytorch_model.safetensors"
    return Checkpoint(
        model, network, files, vae, _text(above, model), _tokens(above, tokens), built,
        vae_shape(shapes_of(header(file)), vae_config, where), distilled, quantised,
    )  # fmt: skip


def header(file: Path) -> dict[str, Any]:
    """Name, dtype and shape of every tensor of a safetensors file."""
    with file.open("rb") as f:
        entries: dict[str, Any] = json.loads(f.read(int.from_bytes(f.read(8), "little")))
    entries.pop("__metadata__", None)
    return entries


def shapes_of(entries: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes by name: weights in fp8 without their leading 1, and not the scales that belong to them."""
    quantised = {name for name, entry in entries.items() if entry["dtype"] == FP8}
    scales = {name.removesuffix(".weight") + scale for name in quantised for scale in SCALES}
    return {n: tuple(e["shape"])[int(n in quantised and len(e["shape"]) == 3) :]
            for n, e in entries.items() if n not in scales}  # fmt: skip


def _network(model: str) -> Path:
    """The folder of the network that a job names."""
    shipped = families.MODELS.get(model)
    folder = shipped.folder() if shipped else Path(model).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"{KEY}={model!r}: no folder of that name; fetch one, e.g. hf download sand-ai/MAGI-1 --local-dir magi-1 "
            "--include 'ckpt/magi/4.5B_base/*' 'ckpt/vae/*' 'ckpt/t5/*', and give magi-1/ckpt/magi/4.5B_base"
        )
    if any(folder.glob("*.safetensors*")):
        return folder
    subs = sorted(path for path in folder.iterdir() if path.is_dir() and path.name.startswith(NETWORK))
    if len(subs) == 1:
        return subs[0]
    if subs:
        raise UsageError(f"{KEY}={model!r}: holds {', '.join(s.name for s in subs)}; give one of them, {subs[0]}")
    names = sorted(p.parent for p in folder.glob(f"**/{NETWORK}*") if p.is_dir())
    if names:
        raise UsageError(f"{KEY}={model!r}: holds {', '.join(n.name for n in names)}; give one of them, {names[0]}")
    raise UsageError(f"{KEY}={model!r}: holds no network ({NETWORK}*/model.safetensors); give ckpt/magi/4.5B_base")


def _part(above: list[Path], name: str, file: str, where: str) -> Path:
    """The folder of a part beside the network or above it."""
    for folder in above:
        if (folder / name / file).is_file():
            return folder / name
    raise UsageError(
        f"{where}: there is no {name}/{file} beside it or above it; keep the layout of sand-ai/MAGI-1, with ckpt/{name}"
    )


def _text(above: list[Path], model: str) -> Path:
    """The folder of the text encoder, whose weights must be safetensors."""
    found = [sub for folder in above for sub in sorted((folder / "t5").glob("*")) if (sub / "config.json").is_file()]
    if not found:
        raise UsageError(f"{KEY}={model!r}: there is no t5/t5-v1_1-xxl beside it or above it; fetch ckpt/t5 as well")
    text = found[0]
    if not any(text.glob("*.safetensors")):
        if any(text.glob("*.bin")):
            raise UsageError(
                f"{KEY}={model!r}: the text encoder has .bin weights alone, which are not read; convert them once: "
                f'python -c "from transformers import T5EncoderModel as T; d = {str(text)!r}; '
                'T.from_pretrained(d, use_safetensors=False).save_pretrained(d)"'
            )
        raise UsageError(f"{KEY}={model!r}: the text encoder in {text} has no weights; fetch ckpt/t5 again")
    check_files(text, model, KEY, "t5")
    return text


def _tokens(above: list[Path], given: str | None) -> Path | None:
    if given is not None:
        file = Path(given).expanduser()
        if not file.is_file():
            raise UsageError(f"generator.call.special_tokens={given!r}: no such file; give example/assets/{TOKENS}")
        return file
    return next((folder / TOKENS for folder in above if (folder / TOKENS).is_file()), None)


def _distilled(network: Path, built: Architecture, quantised: bool, where: str) -> bool | None:
    """What the names of the folder say of the model; refuses what contradicts itself or the tensors."""
    own = network.name if network.name.startswith(NETWORK) else ""
    parent = network.parent.name if own else network.name
    says = {bool("distill" in own)} if own else set()
    says |= {"distill" in parent} if re.search("base|distill", parent) else set()
    if len(says) > 1:
        raise UsageError(
            f"{where}: {parent}/{own} is called base and distilled; put each model into a folder of its own"
        )
    named = "fp8" in own or "quant" in parent
    if named != quantised and (own or named):
        kinds = {True: "weights in fp8", False: "no weights in fp8"}
        raise UsageError(f"{where}: the name says {kinds[named]}, the tensors are otherwise; fetch the model again")
    size = re.match(r"([\d.]+)B_", parent)
    if size and abs(float(size[1]) - built.parameters / 1e9) > 0.1:
        raise UsageError(
            f"{where}: {parent} holds a network of {built.parameters / 1e9:.3g} billion parameters; fetch it again"
        )
    return says.pop() if says else None
