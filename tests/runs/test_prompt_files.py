"""Prompts from lists, tables and folders: ids that stay when lines move, and mistakes that name their line."""

import json

import numpy as np
import pytest

from raysearch.config.settings import Job, PromptsConfig
from raysearch.errors import UsageError
from raysearch.runs import prompts
from raysearch.runs.prompt_files import identity


def listed(path):
    return prompts.prompts(Job(prompts=PromptsConfig(file=str(path))))


def test_ids_stay_when_lines_move_come_and_go(tmp_path):
    before, after = tmp_path / "before.txt", tmp_path / "after.txt"
    before.write_text("a red ball rolls\n\n# not yet\nwater is poured into a glass\n")
    after.write_text("a new one\nwater is poured into a glass\n  a red ball rolls  \n")
    first, second = ({p.text: p.id for p in listed(path)} for path in (before, after))
    assert set(first) == {"a red ball rolls", "water is poured into a glass"}
    assert all(second[text] == name for text, name in first.items()) and len(second) == 3
    assert first["a red ball rolls"].startswith("a-red-ball-rolls-")


def test_objects_and_tables_say_the_same(tmp_path):
    rows = [{"text": "a ball, red", "id": "one"}, {"text": "", "image": "x.png"}, {"text": "glass", "video": "c.mp4"}]
    (tmp_path / "p.jsonl").write_text("\n".join(json.dumps({k: v for k, v in row.items() if v}) for row in rows))
    (tmp_path / "p.csv").write_text('id,text,image,video\none,"a ball, red",,\n,,x.png,\n,glass,,c.mp4\n')
    objects, table = listed(tmp_path / "p.jsonl"), listed(tmp_path / "p.csv")
    assert objects == table and objects[0].id == "one"
    assert objects[1].image == str(tmp_path / "x.png") and objects[2].video == str(tmp_path / "c.mp4")


def test_a_text_in_quotes_is_a_line_of_json(tmp_path):
    (tmp_path / "p.jsonl").write_text('"a ball"\n')
    assert [p.text for p in listed(tmp_path / "p.jsonl")] == ["a ball"]


def test_every_image_and_clip_of_a_folder_is_a_prompt(tmp_path):
    for name in ("b.png", "a.mp4", "notes.md", ".hidden.png"):
        (tmp_path / name).write_bytes(np.zeros(4, np.uint8).tobytes())
    (tmp_path / "a.txt").write_text("a ball falls\n")
    a, b = listed(tmp_path)
    assert (a.id, a.text, a.video) == ("a", "a ball falls", str(tmp_path / "a.mp4"))
    assert (b.id, b.text, b.image) == ("b", "", str(tmp_path / "b.png"))


@pytest.mark.parametrize(
    ("name", "content", "wants"),
    [
        ("p.txt", "# nothing\n", "there is no prompt in it; give a .txt"),
        ("p.xlsx", "x", "kind of file '.xlsx' is unknown; There are: .txt, .jsonl, .csv"),
        ("p.jsonl", '{"text": "a"}\n{"text": \n', "line 2 is no JSON"),
        ("p.jsonl", '{"txt": "a"}\n', "line 1: key 'txt' is unknown; did you mean 'text'"),
        ("p.jsonl", '{"text": 3}\n', "line 1: text=3: give a text"),
        ("p.jsonl", "[1]\n", "line 1: [1]: give a text, or an object with id, text"),
        ("p.csv", "text,id\na ball, red,one\n", "line 2 has not 2 fields"),
        ("p.csv", "txet\na ball\n", "key 'txet' is unknown; did you mean 'text'"),
        ("p.csv", "scene,scene_seed\none_ball,-1\n", "scene_seed='-1': give a whole number of at least 0"),
        ("p.txt", b"\xff\xfe\x00", "cannot be read as UTF-8"),
    ],
)
def test_mistakes_name_the_line(tmp_path, name, content, wants):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as error:
        listed(tmp_path / name)
    assert wants in str(error.value) and str(tmp_path / name) in str(error.value) and "\n" not in str(error.value)


def test_what_is_not_there_and_what_is_there_twice(tmp_path):
    with pytest.raises(UsageError, match=r"no such file or folder; give a .txt"):
        listed(tmp_path / "nowhere.txt")
    (tmp_path / "a.png").touch()
    (tmp_path / "a.mp4").touch()
    with pytest.raises(UsageError, match=r"a.mp4 and a.png would have the same id 'a'; rename one"):
        listed(tmp_path)
    (tmp_path / "p.txt").write_text("a ball\na ball\n")
    with pytest.raises(UsageError, match="is given twice"):
        listed(tmp_path / "p.txt")


def test_an_id_is_short_and_of_plain_characters():
    name = identity({"text": "Ein Würfel / fällt: " + "sehr " * 50})
    assert len(name) <= 60 and name.isascii() and "/" not in name
    assert identity({"image": "folder/Some Picture.png"}).startswith("some-picture-")
