"""A second device, `far`, in Python: its tensors lie in the CPU's memory but stand elsewhere, as those of a GPU do.

Whatever mixes them with tensors of the CPU fails as it would on a GPU, so that code can be proven to keep to its device
on a machine that has none. It computes with the CPU's kernels, op by op, and so gives the CPU's results to rounding.
Built on PyTorch's own registration of backends. To be imported once, in a process of its own (see test_device.py):
a process that has this device has an accelerator, and libraries look for one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

aten = torch.ops.aten
MIX = {aten._to_copy.default, aten.copy_.default}  # what is there to go from one device to another
# A GPU, too, takes indices from the CPU.
INDEX = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
# Without a tensor to tell the device; the last ones would resize one that was made empty.
MAKE = (
    "empty.memory_format", "empty_strided", "arange", "arange.start", "arange.start_step", "linspace", "eye", "eye.m",
    "randperm", "tril_indices", "triu_indices",
)  # fmt: skip


class Far(Tensor):
    """A tensor of the far device, around the tensor of the CPU that has its values."""

    near: Tensor

    @staticmethod
    def __new__(cls, near: Tensor) -> Far:
        made = Tensor._make_wrapper_subclass(
            cls, near.size(), strides=near.stride(), storage_offset=near.storage_offset(), dtype=near.dtype,
            device=torch.device("far", 0),
        )  # fmt: skip
        made.near = near
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"far: {self.near}"

    def __deepcopy__(self, memo: dict[int, Any]) -> Far:
        return memo.setdefault(id(self), Far(self.near.clone()).requires_grad_(self.requires_grad))

    def tolist(self) -> Any:
        return self.near.tolist()

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func not in MIX | INDEX:
            strangers = [t for t in tree_leaves((args, kwargs)) if type(t) is not Far and isinstance(t, Tensor)]
            if any(t.dim() > 0 for t in strangers):
                raise RuntimeError(f"{func}: expected all tensors to be on the same device, but found far:0 and cpu")
        near = dict(tree_map(_near, kwargs))
        if near.get("device") is not None:
            near["device"] = torch.device("cpu")
        result = func(*tree_map(_near, args), **near)
        goes_to = torch.device(kwargs.get("device") or "far").type
        if func is aten._local_scalar_dense.default or goes_to != "far" or type(args[0]) is Tensor:
            return result if func is not aten.copy_.default else args[0]
        return return_and_correct_aliasing(func, args, kwargs, tree_map(_far, result))


def _near(x: Any) -> Any:
    return x.near if isinstance(x, Far) else x


def _far(x: Any) -> Any:
    return Far(x) if isinstance(x, Tensor) else x


class Backend:
    """What PyTorch and its users ask of a device."""

    is_available = is_initialized = staticmethod(lambda: True)
    _is_in_bad_fork = staticmethod(lambda: False)
    device_count = staticmethod(lambda: 1)
    current_device = staticmethod(lambda: 0)
    manual_seed_all = staticmethod(lambda seed: None)
    get_amp_supported_dtype = staticmethod(lambda: [torch.bfloat16, torch.float16])


def _maker(op: Any) -> Callable[..., Far]:
    def make(*args: Any, device: Any = None, pin_memory: Any = None, **kwargs: Any) -> Far:
        return Far(op(*args, device="cpu", **kwargs))

    return make


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    _near(target).copy_(_near(source))
    return target


_setup_privateuseone_for_python_backend("far", backend_module=Backend())
LIBRARY = torch.library.Library("aten", "IMPL")
for name in MAKE:
    base, _, overload = name.partition(".")
    LIBRARY.impl(name, _maker(getattr(getattr(aten, base), overload or "default")), "PrivateUse1")
LIBRARY.impl("_copy_from", _copy_from, "PrivateUse1")
LIBRARY.impl("_local_scalar_dense", lambda x: x.near.item(), "PrivateUse1")
