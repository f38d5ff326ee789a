"""Files are read, listed and removed, on a disk and at a URL, and nothing but files is read."""

import os

import pytest

from raysearch import storage
from raysearch.errors import UsageError


@pytest.mark.parametrize("root", ["{tmp}", "memory://storage"])
def test_what_is_written_is_read(tmp_path, root):
    path = f"{root.format(tmp=tmp_path)}/a/b.txt"
    assert not storage.exists(path)
    storage.write(path, "é")
    storage.write(path, b"two")
    assert storage.read(path) == b"two" and storage.exists(path)
    with pytest.raises(FileNotFoundError):
        storage.read(f"{path}.none")


def test_files_are_listed_and_what_is_none_left_out(tmp_path):
    (tmp_path / "d/below").mkdir(parents=True)
    os.mkfifo(tmp_path / "d/pipe")
    for name in ("b", "a"):
        storage.write(tmp_path / "d" / name, "")
        storage.write(f"memory://{tmp_path.name}/d/{name}", "")
    assert storage.files(tmp_path / "d") == [f"{tmp_path}/d/a", f"{tmp_path}/d/b"]
    assert [p[-4:] for p in storage.files(f"memory://{tmp_path.name}/d")] == ["/d/a", "/d/b"]
    assert storage.files(tmp_path / "none") == []
    with pytest.raises(UsageError, match="not a folder"):
        storage.files(tmp_path / "d/a")


def test_a_pipe_is_neither_read_nor_appended_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for act in (storage.read, lambda p: storage.append(p, "x")):
        with pytest.raises(UsageError, match="not a regular file"):
            act(tmp_path / "pipe")


def test_removing(tmp_path):
    for root in (str(tmp_path), f"memory://{tmp_path.name}"):
        storage.write(f"{root}/f/a/b", "x")
        storage.remove(f"{root}/f/a/b")
        storage.remove(f"{root}/f/a/b")
        storage.write(f"{root}/f/a/b", "x")
        storage.remove(f"{root}/f")
        assert not storage.exists(f"{root}/f/a/b")
