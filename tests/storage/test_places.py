"""What a place can do, and errors of its files in one line."""

import pytest

from raysearch import storage
from raysearch.errors import UsageError
from raysearch.storage.places import refusing


def test_who_can_append(tmp_path):
    assert storage.appends(storage.locate(tmp_path)[0]) and not storage.appends(storage.locate("memory://x")[0])


def test_errors_name_the_path_and_the_remedy_and_a_missing_file_stays_one(tmp_path):
    with (
        pytest.raises(UsageError, match=r"x: cannot be written \(Permission denied\); free space there"),
        refusing("x", "written"),
    ):
        raise PermissionError(13, "Permission denied")
    with pytest.raises(UsageError, match="mend its permissions or remove it"), refusing("x", "read"):
        raise IsADirectoryError(21, "Is a directory")
    with pytest.raises(FileNotFoundError), refusing("x", "read"):
        raise FileNotFoundError(2, "No such file")
    with pytest.raises(PermissionError), refusing("x", "written", str(tmp_path / "here")):
        raise PermissionError(13, "Permission denied", str(tmp_path / "elsewhere"))
