"""Files are written whole or not at all, on a disk and at a URL, and what cannot be written is one line."""

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


def test_a_reader_never_sees_half_a_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    storage.write(path, "whole")

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(storage.os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        storage.write(path, "half")
    assert path.read_text() == "whole" and os.listdir(tmp_path) == ["file"]


def test_what_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"file/below: cannot be written \("):
        storage.write(tmp_path / "file" / "below", "y")
    assert (tmp_path / "file").read_text() == "x"


def test_appending_and_cleaning(tmp_path):
    storage.append(tmp_path / "log", "a")
    storage.append(tmp_path / "log", b"b")
    assert storage.read(tmp_path / "log") == b"ab"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / f".x.1-2{storage.PARTIAL}").write_text("left over")
    storage.clean(tmp_path)
    assert not list((tmp_path / "deep").iterdir()) and (tmp_path / "log").is_file()


def test_who_can_append(tmp_path):
    assert storage.appends(storage.locate(tmp_path)[0]) and not storage.appends(storage.locate("memory://x")[0])
