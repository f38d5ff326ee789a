"""Broken run folders: a short seeded part of `python -m benchmarks.fuzz.folders`, and that its judge sees faults."""

import os
import shutil
from pathlib import Path

import pytest

from benchmarks.fuzz import folders
from benchmarks.fuzz.damages import KINDS, Dice
from benchmarks.fuzz.table import GOOD
from raysearch import storage


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return folders.scene(tmp_path_factory.mktemp("scene"))


@pytest.mark.parametrize("seed", ["a", *(pytest.param(seed, marks=pytest.mark.slow) for seed in ("b", "c"))])
@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_folder_is_gone_on_with_or_refused_in_one_line(scene, tmp_path, kind, seed):
    number = {"a": 0, "b": 1, "c": 3}[seed]
    shutil.copytree([scene.whole, *scene.killed][number], tmp_path / "run")
    KINDS[kind](tmp_path / "run", Dice(seed), scene)
    verdict, ended = folders.judge_report(tmp_path / "run", tmp_path / "said")
    assert verdict in GOOD, ended
    verdict, ended = folders.judge(tmp_path / "run", scene, tmp_path / "said")
    assert verdict in GOOD, ended


def flip(path):
    data = bytearray(path.read_bytes())
    data[8 + int.from_bytes(data[:8], "little") + 2] ^= 0x40
    path.write_bytes(data)


def swap(path):
    latents = sorted(path.parent.iterdir())
    other = latents[(latents.index(path) + 1) % len(latents)]
    shutil.copyfile(other, path)


def foreign(path):
    (other,) = (path.parents[2] / "foreign").glob("outcomes/*.jsonl")
    shutil.copyfile(other, path.parent / "99999-zz.jsonl")


@pytest.mark.parametrize(
    "source, pattern, damage, expected, told",
    [
        ("killed13", "latents/*", flip, "right", "19 moves executed, 13 recalled"),
        ("killed13", "latents/*", swap, "right", "19 moves executed, 13 recalled"),
        ("killed13", "outcomes/*", foreign, "right", "damaged or come from other models or rewards"),
        ("killed13", "outcomes", shutil.rmtree, "right", "32 moves executed, 0 recalled"),  # the manifest is there
        ("whole", "manifest.json", Path.unlink, "clear", "holds outcomes, but no manifest.json"),
        ("whole", "films/*/*.mp4", lambda path: path.write_bytes(b""), "right", "0 moves executed"),
        ("whole", "outcomes", lambda path: os.mkfifo(path / "z.jsonl"), "right", "all is recorded"),
    ],
    ids=["flipped", "swapped", "another reward", "killed after the manifest", "manifest gone", "films", "pipe"],
)
def test_a_reported_case_ends_as_it_should(scene, tmp_path, source, pattern, damage, expected, told):
    shutil.copytree(scene.whole.parent / source, tmp_path / "run")
    shutil.copytree(scene.foreign[0], tmp_path / "foreign")
    for path in sorted((tmp_path / "run").glob(pattern)):
        damage(path)
    verdict, ended = folders.judge(tmp_path / "run", scene, tmp_path / "said")
    assert verdict == expected and told in ended.said, ended


def judged(scene, tmp_path, source, limit=folders.LIMIT_S):
    shutil.copytree(source, tmp_path / "run")
    return folders.judge(tmp_path / "run", scene, tmp_path / "said", limit)[0]


def test_the_judge_sees_what_must_not_be(scene, tmp_path, monkeypatch):
    for act, verdict in ((lambda *a: 1 / 0, "traceback"), (lambda *a: folders.os.kill(folders.os.getpid(), 9), "crash"),
                         (lambda *a: __import__("time").sleep(60), "hang")):  # fmt: skip
        with monkeypatch.context() as patched:
            patched.setattr(folders, "command_line", act)
            assert judged(scene, tmp_path / verdict, scene.whole, 2.0) == verdict
    monkeypatch.setattr(storage, "holds", lambda path, md5: True)
    shutil.copytree(scene.whole, tmp_path / "films")
    for film in (tmp_path / "films").glob("films/*/*.mp4"):
        film.write_bytes(b"x")
    assert judged(scene, tmp_path / "wrong", tmp_path / "films") == "silently wrong"
