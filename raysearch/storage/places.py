"""Where files lie: the file system of a path or URL, what it can do, and what a reader is told of its errors."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec

from raysearch.errors import UsageError

WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"})  # a put is atomic there

FileSystem = Any  # fsspec carries no types


def locate(path: str | Path) -> tuple[FileSystem, str]:
    """The file system of a path or URL, and the path within it."""
    fs, inner = fsspec.core.url_to_fs(str(path))
    return fs, str(inner)


def is_local(fs: FileSystem) -> bool:
    """Whether a file system is a disk of this machine, or one mounted on it."""
    return bool(protocols(fs) & {"file", "local"})


def appends(fs: FileSystem) -> bool:
    """Whether a file can be appended to in place; object stores only take whole objects."""
    return is_local(fs)


def by_name(fs: FileSystem) -> bool:
    """Whether files can be removed by name, many in a call, whether they are there or not."""
    return bool(protocols(fs) & {"s3", "s3a"})


def protocols(fs: FileSystem) -> set[str]:
    """The names under which fsspec knows a file system."""
    return {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)


@contextlib.contextmanager
def refusing(path: str | Path, what: str, below: str = "") -> Iterator[None]:
    """Make an OSError within a UsageError that names the path and the remedy; a file that is not there stays as it is.

    Args:
        path: what is read or written.
        what: the deed, such as `written`.
        below: where it happens, if only errors about files there or above are meant.
    """
    try:
        yield
    except OSError as error:
        if what == "read" and isinstance(error, FileNotFoundError):
            raise
        where = below if error.filename is None else str(error.filename)
        if not (where.startswith(below) or below.startswith(where)):
            raise
        reason = error.strerror or str(error).strip().partition("\n")[0] or type(error).__name__
        remedy = "mend its permissions or remove it" if what == "read" else "free space there, mend its permissions"
        raise UsageError(f"{_short(path)}: cannot be {what} ({reason}); {remedy}, or name another folder") from error


def regular(path: str) -> None:
    """Raise OSError if there is something at a local path that is no regular file."""
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "a folder" if stat.S_ISDIR(mode) else "not a regular file")


def _short(path: str | Path) -> str:
    text = str(path)
    return text if len(text) <= 300 else f"{text[:140]}...{text[-140:]}"
