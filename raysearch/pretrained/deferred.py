"""A part of a pipeline that is loaded when it is first used, such as a text encoder that is seldom needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Deferred:
    """Stands in the place of a part. Whatever is asked of it loads the part and is then asked of that.

    Its configuration, which is a small file, is read without the part.

    Args:
        load: loads the part.
        config: reads the configuration of the part.
    """

    def __init__(self, load: Callable[[], Any], config: Callable[[], Any]):
        self._load, self._read_config, self._part = load, config, None
        self._changes: list[Callable[[Any], object]] = []

    @property
    def waiting(self) -> bool:
        """Whether the part is not loaded."""
        return self._part is None

    def get(self) -> Any:
        """The part itself, which is loaded now if it has not been."""
        if self._part is None:
            part = self._load()
            for change in self._changes:
                change(part)
            self._part = part
        return self._part

    def then(self, change: Callable[[Any], object]) -> None:
        """Have something done to the part once it is loaded, such as moving it to a device."""
        assert self.waiting
        self._changes.append(change)

    @property
    def config(self) -> Any:
        """The configuration of the part."""
        return self._read_config() if self._part is None else self._part.config

    def __call__(self, *args: Any, **options: Any) -> Any:
        """What the part answers."""
        return self.get()(*args, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or (name.startswith("_") and self.waiting):
            raise AttributeError(name)  # what is not loaded has no hooks, for which diffusers looks in every call
        return getattr(self.get(), name)
