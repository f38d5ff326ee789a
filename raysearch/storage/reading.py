"""Files and folders read, listed and removed, on a local disk or at any fsspec URL; only regular files are read."""

from __future__ import annotations

import base64
import contextlib
import errno
import inspect
import os
from pathlib import Path

from raysearch.storage.places import is_local, locate, refusing, regular


def read(path: str | Path) -> bytes:
    """The bytes of a file.

    Raises:
        FileNotFoundError: there is none.
        UsageError: it cannot be read, or is no regular file.
    """
    fs, target = locate(path)
    with refusing(path, "read"):
        if is_local(fs):
            regular(target)
        # Newer s3fs asks for the size first, to read in parts, unless it is told not to; older has no such argument.
        parts = "max_concurrency" in inspect.signature(getattr(fs, "_cat_file", fs.cat_file)).parameters
        at_once = {"max_concurrency": 1} if parts else {}
        data: bytes = fs.cat_file(target, **at_once)
        return data


def holds(path: str | Path, md5: str) -> bool:
    """Whether an object store says by itself that a file has this MD5 (hexadecimal), without reading it.

    False does not mean that it has not: disks say nothing, and stores nothing of an object that is encrypted with a key
    of its owner or was written in parts.
    """
    fs, target = locate(path)
    if is_local(fs):
        return False
    fs.invalidate_cache(target.rpartition("/")[0])  # others write there
    try:
        facts = fs.info(target)
    except OSError:
        return False
    said = {str(facts.get("ETag", "")).strip('"')}
    with contextlib.suppress(ValueError):
        said.add(base64.b64decode(str(facts.get("md5Hash", ""))).hex())
    return md5 in said


def files(folder: str | Path) -> list[str]:
    """The regular files directly in a folder, sorted, as paths or URLs that begin with `folder`; none without it.

    Raises:
        UsageError: if it cannot be read.
    """
    fs, target = locate(folder)
    with refusing(folder, "read"):
        fs.invalidate_cache(target)  # others write there
        if is_local(fs) and os.path.lexists(target) and not os.path.isdir(target):
            raise OSError(errno.ENOTDIR, "not a folder")
        try:
            listed = fs.ls(target, detail=True)
        except FileNotFoundError:
            return []
    kept = [entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in listed if entry["type"] == "file"]
    return [f"{folder}/{name}" for name in sorted(kept)]


def exists(path: str | Path) -> bool:
    """Whether there is a file or folder of that name."""
    fs, target = locate(path)
    fs.invalidate_cache(target.rpartition("/")[0])  # others write there
    return bool(fs.exists(target))


def remove(path: str | Path) -> None:
    """Remove a file, or a folder with all it holds, if there is one.

    Raises:
        UsageError: if it cannot be removed.
    """
    fs, target = locate(path)
    with refusing(path, "removed"), contextlib.suppress(FileNotFoundError):
        if is_local(fs) and not os.path.isdir(target):
            os.unlink(target)
        else:
            fs.rm(target, recursive=True)
