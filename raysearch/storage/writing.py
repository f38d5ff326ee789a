"""Files written whole or not at all, created once, or appended, on a local disk or at any fsspec URL.

On a local disk the data goes to a hidden neighbour first, which then takes the name in one step; object stores (s3://,
gs://, ...) show an object only once it is complete.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from raysearch.storage.places import WHOLE, FileSystem, is_local, locate, protocols, refusing, regular

PARTIAL = ".partial"  # how the names of files in the making end; they also begin with a dot
NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK}  # of file systems without hard links


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
    with refusing(path, "written"):
        _make_folder(fs, folder)
        if protocols(fs) & WHOLE:
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
    with refusing(path, "written", str(target.parent)):
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
    with refusing(path, "written"):
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
    with refusing(path, "written"):
        if folder := target.rpartition("/")[0]:
            fs.makedirs(folder, exist_ok=True)
        if not is_local(fs):
            with fs.open(target, "ab") as file:
                file.write(data)
            return
        regular(target)
        with open(target, "ab", buffering=0) as file:
            length = os.fstat(file.fileno()).st_size
            rest = memoryview(data)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                os.ftruncate(file.fileno(), length)
                raise


def clean(folder: str | Path) -> None:
    """Remove what interrupted writes have left in a folder and below. Only for its one user: it may remove what another
    is about to write.
    """
    fs, root = locate(folder)
    if is_local(fs):
        _remove([*Path(root).rglob(f".*{PARTIAL}"), *Path(root).glob(f"manifest.*{PARTIAL}")])
    elif not protocols(fs) & WHOLE:
        for path in fs.find(root):
            if path.endswith(PARTIAL) and "/." in path:
                with contextlib.suppress(OSError):
                    fs.rm_file(path)


def _make_folder(fs: FileSystem, folder: str) -> None:
    """Create a folder where there are such; an object store would be asked for its bucket each time."""
    if folder and not protocols(fs) & (WHOLE - {"memory"}):
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
