"""Files are written whole or not at all, and what cannot be written is one line."""

import os
import resource

import pytest

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.storage import writing


def test_a_reader_never_sees_half_a_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    storage.write(path, "whole")

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing.os, "replace", stop)
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


def test_where_space_ends_nothing_is_half_written(tmp_path):
    """The kernel refuses in the middle of a write, as it does on a full disk."""
    storage.write(tmp_path / "whole", "old")
    storage.append(tmp_path / "log", b"1" * 600)
    (child := os.fork()) or full(tmp_path)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / "whole").read_text() == "old" and (tmp_path / "log").read_bytes() == b"1" * 600
    assert sorted(os.listdir(tmp_path)) == ["log", "whole"]


def full(folder) -> None:
    """In a process whose files may have 1000 bytes: three writings, each of which must be refused in one line."""
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        acts = ((storage.write, "whole"), (storage.append, "log"), (storage.create, "new"))
        for act, name in acts:
            with pytest.raises(UsageError, match=rf"{name}: cannot be written \(File too large\)"):
                act(folder / name, b"2" * 5000)
        code = 0
    finally:
        os._exit(code)


def test_a_name_that_is_too_long_is_one_short_line(tmp_path):
    storage.write(tmp_path / ("x" * 250), "as long as a name may be")
    for act in (storage.write, storage.append, storage.create):
        with pytest.raises(UsageError, match=r"cannot be written \(File name too long\)") as error:
            act(tmp_path / ("x" * 5000), b"y")
        assert len(str(error.value)) < 600


def test_a_file_is_created_once(tmp_path):
    for root in (str(tmp_path), f"memory://{tmp_path.name}"):
        assert storage.create(f"{root}/a/b", b"first") and not storage.create(f"{root}/a/b", b"second")
        assert storage.read(f"{root}/a/b") == b"first"
    assert os.listdir(tmp_path / "a") == ["b"]


def test_a_folder_takes_its_name_as_a_whole(tmp_path):
    for content in ("one", "two"):
        with storage.making(tmp_path / "made") as made:
            made.mkdir()
            (made / content).write_text(content)
    assert os.listdir(tmp_path / "made") == ["two"]
    with pytest.raises(KeyError), storage.making(tmp_path / "made") as made:
        made.mkdir()
        raise KeyError
    (tmp_path / f".made.1-2{storage.PARTIAL}").mkdir()
    with storage.making(tmp_path / "made", alone=True) as made:
        made.mkdir()
    assert os.listdir(tmp_path) == ["made"]


def test_an_error_about_another_file_is_not_taken_for_one_of_the_file_made(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"), storage.making(tmp_path / "made"):
        (tmp_path.parent / "nowhere").read_bytes()
    (tmp_path / "file").touch()
    for deep in ("file/a", "file/a/b/c"):
        with pytest.raises(UsageError, match="cannot be written"):
            storage.write(tmp_path / deep, "x")
