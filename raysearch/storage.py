"""Files of a run folder, on a local disk or at any fsspec URL: read whole, written whole or not at all, appended.

A reader never sees half a file: on a local disk the data goes to a hidden neighbour first, which then takes the name in
one step; object stores (s3://, gs://, ...) show an object only once it is complete. What cannot be written is a
UsageError that names the path.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec

from raysearch.errors import UsageError

PARTIAL = ".partial"  # how the names of files in the making end; they also begin with a dot
WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"})  # a put is atomic there

FileSystem = Any  # fsspec carries no types


def locate(path: str | Path) -> tuple[FileSystem, str]:
    """The file system of a path or URL, and the path within it."""
    fs, inner = fsspec.core.url_to_fs(str(path))
    return fs, str(inner)


def write(path: str | Path, data: bytes | str) -> None:
    """Write a file in one step, creating its folder. Texts are written as UTF-8.

    Raises:
        UsageError: if it cannot be written; whatever stood there before is untouched.
    """
    fs, target = locate(path)
    data = data.encode() if isinstance(data, str) else data
    folder, _, name = target.rpartition("/")
    with _refusing(path):
        if folder:
            fs.makedirs(folder, exist_ok=True)
        if _protocols(fs) & WHOLE:
            fs.pipe_file(target, data)
            return
        temporary = f"{folder}/.{name[:100]}.{os.getpid()}-{uuid.uuid4().hex[:8]}{PARTIAL}"
        try:
            fs.pipe_file(temporary, data)
            if is_local(fs):
                os.replace(temporary, target)
            else:
                fs.mv(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                fs.rm_file(temporary)
            raise


def append(path: str | Path, data: bytes | str) -> None:
    """Append to a file, which is created if need be. See `appends` for where that is possible.

    Raises:
        UsageError: if it cannot be written.
    """
    fs, target = locate(path)
    with _refusing(path), fs.open(target, "ab") as file:
        file.write(data.encode() if isinstance(data, str) else data)


def read(path: str | Path) -> bytes:
    """The bytes of a file. Raises FileNotFoundError if there is none."""
    fs, target = locate(path)
    data: bytes = fs.cat_file(target)
    return data


def exists(path: str | Path) -> bool:
    """Whether there is a file or folder of that name."""
    fs, target = locate(path)
    return bool(fs.exists(target))


def is_local(fs: FileSystem) -> bool:
    """Whether a file system is a disk of this machine, or one mounted on it."""
    return bool(_protocols(fs) & {"file", "local"})


def appends(fs: FileSystem) -> bool:
    """Whether a file can be appended to in place; object stores only take whole objects."""
    return is_local(fs)


def clean(folder: str | Path) -> None:
    """Remove what interrupted writes have left in a local folder and below."""
    fs, root = locate(folder)
    if is_local(fs):
        for left in Path(root).rglob(f".*{PARTIAL}"):
            with contextlib.suppress(OSError):
                left.unlink()


def _protocols(fs: FileSystem) -> set[str]:
    return {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)


@contextlib.contextmanager
def _refusing(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error).strip().partition("\n")[0] or type(error).__name__
        raise UsageError(
            f"{path}: cannot be written ({reason}); free space there, mend its permissions, or name another folder"
        ) from error
