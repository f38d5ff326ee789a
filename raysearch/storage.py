"""Files of a run folder, on a local disk or at any fsspec URL: read whole, written whole or not at all, appended.

A reader never sees half a file: on a local disk the data goes to a hidden neighbour first, which then takes the name in
one step; object stores (s3://, gs://, ...) show an object only once it is complete. What cannot be read or written is a
UsageError that names the path; only regular files are read, for a pipe would be waited for without end.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import glob
import inspect
import os
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import fsspec

from raysearch.errors import UsageError

PARTIAL = ".partial"  # how the names of files in the making end; they also begin with a dot
WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"})  # a put is atomic there
NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK}  # of file systems without hard links

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
    if is_local(fs):
        with making(target) as temporary:
            temporary.write_bytes(data)
        return
    folder, _, name = target.rpartition("/")
    with _refusing(path, "written"):
        _make_folder(fs, folder)
        if _protocols(fs) & WHOLE:
            fs.pipe_file(target, data)
            return
        hidden = f"{folder}/{_hidden(name)}"
        try:
            fs.pipe_file(hidden, data)
            fs.mv(hidden, target)
        except BaseException:
            with contextlib.suppress(OSError):
                fs.rm_file(hidden)
            raise


@contextlib.contextmanager
def making(path: str | Path, alone: bool = False) -> Iterator[Path]:
    """A hidden local path beside `path`, to be made a file or a folder, which takes its name at the end of the block.

    A folder replaces the one of that name as a whole. If the block raises, nothing is left of what it made. An OSError
    about another file than the one made goes through as it is.

    Args:
        path: the local path to make; its folder is created.
        alone: nobody else makes it at this time, so that what an interrupted process has left can be removed.

    Raises:
        UsageError: if it cannot be written; whatever stood there before is untouched.
    """
    target = Path(path)
    temporary = target.with_name(_hidden(target.name))
    with _refusing(path, "written", str(target.parent)):
        target.parent.mkdir(parents=True, exist_ok=True)
        if alone:
            _remove(target.parent.glob(f".{glob.escape(_stem(target.name))}.*{PARTIAL}"))
        try:
            yield temporary
            if temporary.is_dir() and target.is_dir():
                shutil.rmtree(target)
            os.replace(temporary, target)
        except BaseException:
            _remove([temporary])
            raise


def create(path: str | Path, data: bytes) -> bool:
    """Write a file that must not be there yet, creating its folder; of several processes at most one succeeds.

    Object stores that know no conditional write may let several succeed; the last one wins.

    Returns:
        False if there is a file of that name, which is left as it is.

    Raises:
        UsageError: if it cannot be written.
    """
    fs, target = locate(path)
    with _refusing(path, "written"):
        if is_local(fs):
            return _create_local(Path(target), data)
        fs.invalidate_cache(target.rpartition("/")[0])
        if fs.exists(target):
            return False
        _make_folder(fs, target.rpartition("/")[0])
        try:
            fs.pipe_file(target, data, mode="create")
        except FileExistsError:
            return False
        except (TypeError, ValueError, NotImplementedError):  # a file system without conditional writes
            fs.pipe_file(target, data)
        return True


def _create_local(target: Path, data: bytes) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(_hidden(target.name))
    try:
        temporary.write_bytes(data)
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            with contextlib.suppress(FileExistsError), target.open("xb") as file:
                file.write(data)
                return True
            return False
        return True
    finally:
        _remove([temporary])


def append(path: str | Path, data: bytes | str) -> None:
    """Append to a file, which is created with its folder if need be. See `appends` for where that is possible.

    Raises:
        UsageError: if it cannot be written; on a local disk the file is then as long as before.
    """
    fs, target = locate(path)
    data = data.encode() if isinstance(data, str) else data
    with _refusing(path, "written"):
        if folder := target.rpartition("/")[0]:
            fs.makedirs(folder, exist_ok=True)
        if not is_local(fs):
            with fs.open(target, "ab") as file:
                file.write(data)
            return
        _regular(target)
        with open(target, "ab", buffering=0) as file:
            length = os.fstat(file.fileno()).st_size
            rest = memoryview(data)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                os.ftruncate(file.fileno(), length)
                raise


def read(path: str | Path) -> bytes:
    """The bytes of a file.

    Raises:
        FileNotFoundError: there is none.
        UsageError: it cannot be read, or is no regular file.
    """
    fs, target = locate(path)
    with _refusing(path, "read"):
        if is_local(fs):
            _regular(target)
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
    with _refusing(folder, "read"):
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
    with _refusing(path, "removed"), contextlib.suppress(FileNotFoundError):
        if is_local(fs) and not os.path.isdir(target):
            os.unlink(target)
        else:
            fs.rm(target, recursive=True)


def is_local(fs: FileSystem) -> bool:
    """Whether a file system is a disk of this machine, or one mounted on it."""
    return bool(_protocols(fs) & {"file", "local"})


def appends(fs: FileSystem) -> bool:
    """Whether a file can be appended to in place; object stores only take whole objects."""
    return is_local(fs)


def by_name(fs: FileSystem) -> bool:
    """Whether files can be removed by name, many in a call, whether they are there or not."""
    return bool(_protocols(fs) & {"s3", "s3a"})


def clean(folder: str | Path) -> None:
    """Remove what interrupted writes have left in a folder and below. Only for its one user: it may remove what another
    is about to write.
    """
    fs, root = locate(folder)
    if is_local(fs):
        _remove([*Path(root).rglob(f".*{PARTIAL}"), *Path(root).glob(f"manifest.*{PARTIAL}")])
    elif not _protocols(fs) & WHOLE:
        for path in fs.find(root):
            if path.endswith(PARTIAL) and "/." in path:
                with contextlib.suppress(OSError):
                    fs.rm_file(path)


def _make_folder(fs: FileSystem, folder: str) -> None:
    """Create a folder where there are such; an object store would be asked for its bucket each time."""
    if folder and not _protocols(fs) & (WHOLE - {"memory"}):
        fs.makedirs(folder, exist_ok=True)


def _hidden(name: str) -> str:
    return f".{_stem(name)}.{os.getpid()}-{uuid.uuid4().hex[:8]}{PARTIAL}"


def _stem(name: str) -> str:
    """As much of a name as leaves room for the rest of a hidden one: a file system takes 255 bytes."""
    return name.encode()[:200].decode(errors="ignore")


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _regular(path: str) -> None:
    """Raise OSError if there is something at a local path that is no regular file."""
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "a folder" if stat.S_ISDIR(mode) else "not a regular file")


def _protocols(fs: FileSystem) -> set[str]:
    return {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)


@contextlib.contextmanager
def _refusing(path: str | Path, what: str, below: str = "") -> Iterator[None]:
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


def _short(path: str | Path) -> str:
    text = str(path)
    return text if len(text) <= 300 else f"{text[:140]}...{text[-140:]}"
