"""What goes along with a job: what git ignores stays, secrets and large files are refused, the bytes are the same."""

import io
import zipfile
from pathlib import Path

import pytest

from raysearch.errors import UsageError
from raysearch.submit.package import collect

PEM = "-----BEGIN {} PRIVATE KEY-----\nMIIB\n"


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def names(root: Path, exclude=(), named=None) -> list[str]:
    return list(collect(root, exclude, named or {}, ship=False, most_mb=1).files)


def test_ignore_files_count_at_every_depth_as_in_git(tmp_path):
    root = tree(
        tmp_path,
        {
            ".gitignore": "*.log\n/top.txt\nbuilt/\n", "a.py": "", "a.log": "", "top.txt": "", "built/x": "",
            "in/top.txt": "", "in/.rayignore": "!keep.log\n*.csv\n", "in/keep.log": "", "in/t.csv": "", "t.csv": "",
            ".git/config": "", ".venv/bin/python": "", "runs/a/result.json": "{}", "checkpoints/w": "", "clip.mp4": "",
            "notes/one": "", "x/__pycache__/y.pyc": "",
        },
    )  # fmt: skip
    assert names(root, ["notes/"]) == [".gitignore", "a.py", "in/.rayignore", "in/keep.log", "in/top.txt", "t.csv"]
    parcel = collect(root, ["notes/"], {"clip.mp4": root / "clip.mp4"}, ship=False, most_mb=1)
    assert "clip.mp4" in parcel.files  # a file that the job names goes along
    assert {".git/", "built/", "a.log", "runs/", "notes/", ".venv/"} <= set(parcel.left_out)


@pytest.mark.parametrize(
    "name, text, wants",
    [
        (".env", "A=1", "its name"),
        ("deep/down/id_rsa", "x", "its name"),
        ("server.pem", "x", "its name"),
        (".aws/config", "x", "its name"),
        ("credentials.json", "{}", "its name"),
        ("auth_token", "x", "its name"),
        ("notes.txt", "\n\n" + PEM.format("RSA"), "line 3 looks like a private key"),
        ("a.py", PEM.format("OPENSSH"), "a private key"),
        ("job.yaml", "x: hf_" + "a1B2" * 8, "a Hugging Face token"),
        ("b.sh", "export K=AKIA" + "ABCD" * 4, "an AWS access key"),
        ("c.ini", "aws_secret_access_key = " + "a/+9" * 10, "an AWS secret key"),
        ("d.json", '{"k": "AIza' + "x" * 35 + '"}', "a Google API key"),
        ("e.txt", "ghp_" + "a" * 36, "a GitHub token"),
        ("f.txt", "sk-" + "a" * 40, "an API key"),
        ("g.toml", "url = 'postgres://me:hunter2" + "@db.example'", "a password in a URL"),
    ],
)
def test_files_with_secrets_are_refused_and_never_shown(tmp_path, name, text, wants):
    tree(tmp_path, {"a.txt": "harmless: https://host/path?x=1", name: text})
    with pytest.raises(UsageError) as refused:
        names(tmp_path)
    told = str(refused.value)
    assert f"{name}: " in told and wants in told and ".rayignore" in told
    assert not any(word in told for word in text.split() if len(word) > 12 and word != "aws_secret_access_key")
    (tmp_path / ".rayignore").write_text(name)
    assert name not in names(tmp_path)


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    tree(tmp_path, {f"{i}.key": "x" for i in range(7)} | {"big.bin": "x" * (2 << 20)})
    with pytest.raises(UsageError, match=r"0\.key.*; and 3 more") as refused:
        names(tmp_path)
    assert str(refused.value).count("its name") == 5


def test_large_files_and_large_packages_are_refused(tmp_path):
    tree(tmp_path, {"big.bin": "x" * (2 << 20), "small": "y"})
    with pytest.raises(UsageError, match=r"big\.bin: 2\.0 MB, more than cluster\.submit\.max_file_mb=1"):
        names(tmp_path)
    parcel = collect(tmp_path, [], {}, ship=False, most_mb=3)
    with pytest.raises(UsageError, match=r"max_mb=0\.0001; the largest files: big\.bin \(2\.0 MB\)"):
        parcel.pack(0.0001)


def test_links_are_not_followed_into_folders(tmp_path):
    tree(tmp_path, {"work/a": "1", "outside/b": "2"})
    (tmp_path / "work/link").symlink_to(tmp_path / "outside")
    parcel = collect(tmp_path / "work", [], {}, ship=False, most_mb=1)
    assert list(parcel.files) == ["a"] and parcel.left_out == ["link"]


def test_links_out_of_the_folder_and_to_secrets_do_not_travel(tmp_path):
    tree(tmp_path, {"work/a": "1", "outside/b": "2", "work/id_rsa": "odd"})
    (tmp_path / "work/away").symlink_to(tmp_path / "outside/b")
    (tmp_path / "work/within").symlink_to("a")
    parcel = collect(tmp_path / "work", ["id_rsa"], {}, ship=False, most_mb=1)
    assert sorted(parcel.files) == ["a", "within"]
    assert "away (a link out of the folder)" in parcel.left_out
    (tmp_path / "work/friendly").symlink_to("id_rsa")
    with pytest.raises(UsageError, match="friendly: its name says that it holds secrets"):
        collect(tmp_path / "work", ["id_rsa"], {}, ship=False, most_mb=1)


def test_ignore_files_that_cannot_be_meant(tmp_path):
    tree(tmp_path, {"a": "1"})
    (tmp_path / ".gitignore").write_bytes(b"\xff\xfe\n*.log\n")
    assert names(tmp_path) == [".gitignore", "a"]
    with pytest.raises(UsageError, match=r"cluster\.submit\.exclude: a pattern that \.gitignore does not know"):
        collect(tmp_path, ["!"], {}, ship=False, most_mb=1)


def test_the_same_files_give_the_same_bytes_and_raysearch_comes_along(tmp_path):
    tree(tmp_path, {"a.txt": "1", "sub/b.txt": "2"})
    one = collect(tmp_path, [], {}, ship=True, most_mb=20)
    (tmp_path / "a.txt").touch()
    assert one.pack(90) == collect(tmp_path, [], {}, ship=True, most_mb=20).pack(90)
    with zipfile.ZipFile(io.BytesIO(one.pack(90))) as archive:
        inside = archive.namelist()
        assert inside == list(one.files) and {"raysearch/cli.py", "raysearch/tinyworld/__init__.py"} <= set(inside)
        assert archive.read("sub/b.txt") == b"2"


def test_another_raysearch_in_the_way_is_refused(tmp_path):
    tree(tmp_path, {"raysearch/cli.py": ""})
    with pytest.raises(UsageError, match="ship=false"):
        collect(tmp_path, [], {}, ship=True, most_mb=20)
