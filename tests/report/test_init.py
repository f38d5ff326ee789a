"""The public functions of the report."""

from __future__ import annotations

import subprocess
import sys

import pytest

from raysearch.errors import UsageError
from raysearch.report import write


def test_wrong_folders_are_usage_errors(tmp_path):
    with pytest.raises(UsageError, match="give the folder of a finished run"):
        write(str(tmp_path))
    for text in ("{", "[]", '{"searches": [{}], "hash": "", "reward": ""}'):
        (tmp_path / "result.json").write_text(text)
        with pytest.raises(UsageError, match=r"result\.json is not one"):
            write(str(tmp_path))
    assert not (tmp_path / "report.html").exists()


def test_import_is_light():
    code = "import sys, raysearch.report; print(*{'torch', 'ray', 'matplotlib'} & set(sys.modules))"
    assert not subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
