"""Rules of the house that no other test sees: one class per name, and files that fit into the head."""

import ast
from collections import defaultdict

from tests.source import PACKAGE, modules

LINES = 250  # that a file has at most
CEILING = 8  # files longer than that; lower it whenever the number falls, never raise it


def class_names(sources: dict[str, str]) -> dict[str, list[str]]:
    """The modules that define a class, by its name; classes inside functions are private to them and left out."""
    found = defaultdict(list)
    for module, source in sources.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(module)
    return found


def package() -> dict[str, str]:
    """The text of every module of the package, by its path in it."""
    return {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in modules()}


def test_no_two_classes_of_the_package_have_one_name():
    shared = {name: where for name, where in class_names(package()).items() if len(where) > 1}
    assert not shared, f"rename each of these to what it is: {shared}"


def test_two_classes_of_one_name_are_found():
    found = class_names(
        {"a.py": "class Row: ...\ndef f():\n    class Inner: ...", "b.py": "class Row: ...\nclass Cell: ..."}
    )
    assert found == {"Row": ["a.py", "b.py"], "Cell": ["b.py"]}


def test_files_are_short():
    lines = {path: source.count("\n") for path, source in package().items()}
    long = {path: n for path, n in lines.items() if n > LINES}
    print("files longer than", LINES, "lines:", long)
    assert len(long) <= CEILING, f"split by idea, each file at most {LINES} lines: {long}"
