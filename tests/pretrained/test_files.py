"""Files of a model's folder: each must be a file, JSON must be JSON, and weights as long as their headers say."""

import os
import shutil

import pytest

from raysearch.errors import UsageError
from raysearch.pretrained.files import LFS, check_files, check_pipeline_files, config
from raysearch.tinyworld import weights


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(weights("worldmodel"), tmp_path / "model")


def replaced_by_a_folder(path):
    path.unlink()
    path.mkdir()


def replaced_by_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def linked_to_itself(path):
    path.unlink()
    path.symlink_to(path.name)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("damage", [replaced_by_a_folder, replaced_by_a_pipe, linked_to_itself])
def test_what_is_no_file_is_never_opened(folder, damage, name):
    damage(folder / name)
    with pytest.raises(UsageError, match=rf"k\.model='m': {name} is no file"):
        check_files(folder, "m", "k.model")


@pytest.mark.parametrize(
    ("data", "wants"),
    [(b"", "cannot be read"), (b"{", "cannot be read"), (b"[" * 5000, "cannot be read"),
     (b"\xff\xfe", "cannot be read"), (LFS + b"/spec/v1\noid sha256:00\n", "git lfs pull fetches the file")],
)  # fmt: skip
def test_a_configuration_that_is_none(folder, data, wants):
    (folder / "config.json").write_bytes(data)
    for look in (lambda: check_files(folder, "m", "k"), lambda: config(folder / "config.json", "m", "k")):
        with pytest.raises(UsageError) as refused:
            look()
        assert "config.json" in str(refused.value) and wants in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1


def test_a_configuration_that_holds_no_mapping_or_is_absent(folder):
    (folder / "config.json").write_text("[1]")
    with pytest.raises(UsageError, match="holds no mapping"):
        config(folder / "config.json", "m", "k")
    (folder / "config.json").unlink()
    with pytest.raises(UsageError, match=r"there is no config\.json in it"):
        config(folder / "config.json", "m", "k")


def test_parts_of_a_pipeline_are_named(tmp_path):
    folder = shutil.copytree(weights("generator"), tmp_path / "model")
    check_pipeline_files(str(folder), "k")
    (folder / "scheduler/scheduler_config.json").write_text("{")
    with pytest.raises(UsageError, match=r"k='.*', part scheduler: scheduler_config\.json cannot be read"):
        check_pipeline_files(str(folder), "k")
    check_pipeline_files("owner/name", "k")
