"""Single files of weights: where they are, what is wrong with them, their shapes and the commit they come from."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from raysearch.errors import UsageError
from raysearch.pretrained import hub, single

COMMIT = "0123456789abcdef0123456789abcdef01234567"
KEY = "generator.lora"


@pytest.fixture
def file(tmp_path):
    save_file({"a.weight": torch.ones(2, 3), "alpha": torch.tensor(1.0)}, tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors"


def test_a_file_or_a_folder_with_one_is_found_with_its_shapes(file):
    assert single.locate(str(file), KEY) == single.locate(str(file.parent), KEY) == file
    assert single.locate(str(file.parent), KEY, "a.safetensors") == file
    assert single.shapes(file) == {"a.weight": (2, 3), "alpha": ()} and single.commit(file) is None


def test_a_file_of_the_hub_is_named_whole_or_apart_and_comes_with_its_commit(file, monkeypatch):
    asked = []

    def fetch(model, name, key, revision=None):
        asked.append((model, name, revision))
        return Path(f"/cache/models--owner--name/snapshots/{COMMIT}/{name}")

    monkeypatch.setattr(hub, "fetch", fetch)
    for given in (("owner/name/sub/b.safetensors",), ("owner/name", KEY, "sub/b.safetensors", "v1")):
        found = single.locate(given[0], KEY, *given[2:])
        assert single.commit(found) == COMMIT
    single.locate("owner/name", KEY, usual="usual.safetensors")
    assert asked == [("owner/name", "sub/b.safetensors", None), ("owner/name", "sub/b.safetensors", "v1"),
                     ("owner/name", "usual.safetensors", None)]  # fmt: skip


@pytest.mark.parametrize(
    "model, message",
    [
        ("./absent.safetensors", "there is no file absent.safetensors"),
        ("owner/name", "of a hub id say which file, owner/name/FILE.safetensors"),
        ("owner/name/b.ckpt", "b.ckpt is no .safetensors file"),
        ("{folder}/b.bin", "b.bin is no .safetensors file"),
        ("{folder}/cut.safetensors", "cut.safetensors is cut short"),
        ("{folder}/lfs.safetensors", "git-lfs pointer"),
        ("{folder}", r"the folder holds 3 files \*\.safetensors \(a\.safetensors, cut"),
        ("{folder}/none", "the folder holds 0 files"),
    ],
)
def test_what_cannot_be_read_is_one_line(model, message, file):
    folder = file.parent
    (folder / "b.bin").write_bytes(b"")
    (folder / "none").mkdir()
    (folder / "cut.safetensors").write_bytes(file.read_bytes()[:-4])
    (folder / "lfs.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(UsageError, match=message) as error:
        single.locate(model.replace("{folder}", str(folder)), KEY)
    assert str(error.value).startswith(f"{KEY}=") and "\n" not in str(error.value)
