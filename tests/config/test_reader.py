"""YAML 1.2: the characters stand as written, numbers are numbers, and what cannot be meant is one line at once."""

import math
import time

import pytest

from raysearch.config.reader import DEEPEST, MOST_BYTES, Written, parse, read, word
from raysearch.errors import UsageError

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30:00", "12:30:00"), ("2024-01-01", "2024-01-01"), ("no", "no"), ("on", "on"), ("yes", "yes"),
        ("1e1", 10.0), ("1_000", 1000), ("-1_000.5", -1000.5), ("1_0", "1_0"), ("0o17", 15), ("0x1f", 31), ("010", 10),
        ("+3", 3), (".5", 0.5), ("1.", 1.0), ("e1", "e1"), ("true", True), ("FALSE", False), ("null", None),
        ("~", None),
        ("", None), ("-.inf", -math.inf), ("1e400", math.inf), ("1" * 5000, "1" * 5000), ("${x}", "${x}"),
        ("???", "???"),
    ],
)  # fmt: skip
def test_what_yaml_makes_of_a_scalar(text, value):
    made = Written(text).value
    assert made == value and type(made) is type(value)


def test_nan_is_not_a_number():
    assert math.isnan(Written(".nan").value) and math.isnan(Written(".NaN").value)


def test_quoted_scalars_are_texts_and_others_keep_their_characters():
    tree = parse("a: 007\nb: '007'\nc: !!str 007\nd: [1, {e: no}]\n", "file")
    assert tree == {"a": "007", "b": "007", "c": "007", "d": ["1", {"e": "no"}]}
    assert [type(tree[k]) for k in "abc"] == [Written, str, str]


def test_anchors_and_merge_keys_work():
    assert parse("x: &a {b: 1, c: 2}\ny: {<<: *a, c: 3}\nz: *a\n", "file")["y"] == {"c": "3", "b": "1"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\na: 2", "line 2, column 1: key 'a' is given twice"),
        ("x: &a [*a]", "the anchor 'a' inside itself"),
        ("x: *a", "the alias 'a' without an anchor"),
        ("a: !!set {b}", "the tag 'set'"),
        ("a: !!timestamp 2024-01-01", "the tag 'timestamp'"),
        ("a: !!python/object:os.system ls", "the tag"),
        ("? [a, b]\n: c", "a key that is a list or a mapping"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("a: \0", "unacceptable character"),
        ("a: [1, 2", "not YAML"),
        ("a: 'x", "not YAML"),
        ("a: b: c", "not YAML"),
        ("x: {<<: 3}", "`<<` with something that is no mapping"),
        ("[" * 100_000, f"more than {DEEPEST} levels of nesting"),
        (BOMB, "aliases counted as often as they are used"),
    ],
    ids=range(15),
)
def test_what_cannot_be_meant_is_one_line_at_once(text, why):
    began = time.process_time()
    with pytest.raises(UsageError) as error:
        parse(text, "file")
    message = str(error.value)
    assert message.startswith("file: ") and why in message and "\n" not in message
    assert time.process_time() - began < 10


def test_files_that_are_none(tmp_path):
    (tmp_path / "job.yaml").write_text("a: 1")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    (tmp_path / "list.yaml").write_text("- a")
    (tmp_path / "bom.yaml").write_bytes("\ufeffa: 1".encode())
    for name, why in (("job.yml", "did you mean"), ("nowhere", "no such file"), ("latin.yaml", "utf-8"),
                      (".", "a folder"),
                      ("huge.yaml", "at most"), ("list.yaml", "this one holds a list"), ("a\0b", "no such file"),
                      ("x" * 5000, "File name too long")):  # fmt: skip
        with pytest.raises(UsageError) as error:
            read(str(tmp_path / name))
        assert why in str(error.value) and "\n" not in str(error.value)
    assert read(str(tmp_path / "bom.yaml")) == {"a": "1"}


def test_a_value_on_the_command_line_is_yaml_in_brackets_and_text_otherwise():
    assert word("worst quality, blurry: bad # no", "key") == "worst quality, blurry: bad # no"
    assert word("[1, {a: b}]", "key") == ["1", {"a": "b"}]
    assert type(word("'7'", "key")) is str and type(word("7", "key")) is Written
    with pytest.raises(UsageError, match=r"^key: not YAML"):
        word("[1, 2", "key")
