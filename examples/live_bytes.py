"""How many bytes of tensors are alive at the most while something runs, counted op by op on any device.

Counts what an allocator would be asked for, without its rounding and without the workspaces of kernels. Under
FakeTensorMode nothing is computed and no memory is taken, so that networks of any size can be counted.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary


class LiveBytes(TorchDispatchMode):
    """now, peak: bytes of the storages that were made, or first used, within. answer: for `.item()` of fake tensors."""

    def __init__(self, answer: int | None = None):
        super().__init__()
        self.now = self.peak = 0
        self.answer = answer
        self._seen = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and self.answer is not None:
            return self.answer
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._see(tensor.untyped_storage())
        return result

    def _see(self, storage: Any) -> None:
        if storage in self._seen:
            return
        size = storage.nbytes()
        self._seen[storage] = size
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, size)

    def _gone(self, size: int) -> None:
        self.now -= size


def unfilled(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A network from the meta device, with weights of `dtype` on the device at hand, be it a fake one; in place."""
    for module in network.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                module._parameters[name] = nn.Parameter(torch.empty(weight.shape, dtype=dtype), requires_grad=False)
        for name, value in module._buffers.items():
            if value is not None:
                module._buffers[name] = torch.empty(value.shape, dtype=value.dtype)
    return network
