"""What the encoders of a pipeline answer for a prompt, remembered by content and handed from one process to another.

A call is known by its name and by a digest of what it was given, never by the identity of an object, so an answer that
was computed elsewhere is found. It arrives with the same numbers in the same order in memory, on which the last bits of
what is computed from it depend. An answer that is not made of tensors, containers and plain values stays where it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

Answers: TypeAlias = dict[str, Any]
"""The answers of a pipeline's calls by the digests of the calls."""

ALIGNED = 64  # bytes: how memory is aligned where a tensor begins; some kernels sum in another order elsewhere
PLAIN = (str, bytes, int, float, bool, type(None), torch.dtype)


@dataclass(frozen=True)
class Carried:
    """A tensor on its way.

    Attributes:
        data: the bytes from its first number to its last.
        dtype: of the tensor.
        size: of the tensor.
        stride: of the tensor.
        offset: where it begins behind an aligned address, in numbers.
        placed: whether it belongs on the device of the pipeline rather than on the CPU.
    """

    data: NDArray[np.uint8]
    dtype: torch.dtype
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    placed: bool


@dataclass(frozen=True)
class Conditions:
    """The conditions of a prompt, which can be pickled.

    Attributes:
        answers: as Answers, with each tensor as a Carried.
    """

    answers: Mapping[str, Any]

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors."""
        return sum(leaf.data.nbytes for leaf in _leaves(self.answers))


class CannotCarry(Exception):
    """An answer, or an argument of a call, that is of no known kind."""


def digest(name: str, *given: Any) -> str:
    """Of a call of the method `name` with these arguments. Raises CannotCarry for one whose content is not known."""
    hashed = hashlib.blake2b(name.encode(), digest_size=16)
    _feed(hashed, given)
    return hashed.hexdigest()


def _feed(hashed: Any, value: Any) -> None:
    """Add the content of a value, with its kind and its length, so that no two values give the same bytes."""
    kind = type(value).__name__
    if isinstance(value, (torch.device, torch.Generator)):  # the device is where, not what; noise has no part in it
        content = b""
    elif isinstance(value, PLAIN):
        content = value if isinstance(value, bytes) else repr(value).encode()
    elif isinstance(value, Mapping):
        hashed.update(f"{kind} {len(value)};".encode())
        for key in sorted(value):
            _feed(hashed, key)
            _feed(hashed, value[key])
        return
    elif isinstance(value, (list, tuple)):
        hashed.update(f"{kind} {len(value)};".encode())
        for item in value:
            _feed(hashed, item)
        return
    elif isinstance(value, torch.Tensor):
        kind, content = f"{value.dtype} {tuple(value.shape)}", _bytes(value.detach()).tobytes()
    elif isinstance(value, np.ndarray) and value.dtype != object:
        kind, content = f"{value.dtype} {value.shape}", value.tobytes()
    elif type(value).__module__.startswith("PIL."):
        kind, content = f"{value.mode} {value.size} {value.getpalette()}", value.tobytes()
    else:
        raise CannotCarry(kind)
    hashed.update(f"{kind} {len(content)};".encode())
    hashed.update(content)


def _bytes(tensor: torch.Tensor) -> NDArray[np.uint8]:
    """The numbers of a tensor in the order of its indices."""
    flat: NDArray[np.uint8] = tensor.cpu().contiguous().flatten().view(torch.uint8).numpy()
    return flat


def carried(answers: Answers) -> Conditions | None:
    """Answers as they can be sent; None if one of them cannot."""
    try:
        return Conditions({call: _each(answer, torch.Tensor, _packed) for call, answer in answers.items()})
    except CannotCarry:
        return None


def arrived(conditions: Conditions, device: torch.device) -> Answers:
    """Answers that were sent, on the device of a pipeline that needs them."""
    return {call: _each(answer, Carried, partial(_unpacked, device)) for call, answer in conditions.answers.items()}


def _each(value: Any, kind: type, change: Any) -> Any:
    """A value of plain containers with everything of this kind changed. Raises CannotCarry for any other value."""
    if isinstance(value, kind):
        return change(value)
    if type(value) is dict:
        return {key: _each(item, kind, change) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_each(item, kind, change) for item in value)
    if isinstance(value, PLAIN):
        return value
    raise CannotCarry(type(value).__name__)


def _leaves(value: Any) -> list[Carried]:
    if isinstance(value, Carried):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return [leaf for item in inner for leaf in _leaves(item)]


def _packed(tensor: torch.Tensor) -> Carried:
    size, stride, begin = tuple(tensor.size()), tensor.stride(), tensor.storage_offset()
    if tensor.layout is not torch.strided:
        raise CannotCarry(str(tensor.layout))
    span = 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if tensor.numel() else 0
    flat = tensor.detach().as_strided((span,), (1,), begin).cpu()
    if type(flat) is not torch.Tensor:  # such as one of a library that keeps numbers in fewer bits
        raise CannotCarry(type(flat).__name__)
    data = _bytes(flat).copy()
    offset = int(begin) % (ALIGNED // tensor.element_size())
    return Carried(data, tensor.dtype, size, stride, offset, tensor.device.type != "cpu")


def _unpacked(device: torch.device, leaf: Carried) -> torch.Tensor:
    skipped = leaf.offset * leaf.dtype.itemsize
    memory = torch.empty(skipped + leaf.data.nbytes, dtype=torch.uint8)
    memory[skipped:] = torch.from_numpy(np.array(leaf.data))  # a copy, as what arrives cannot be written to
    placed = memory.to(device) if leaf.placed else memory
    return placed.view(leaf.dtype).as_strided(leaf.size, leaf.stride, leaf.offset)
