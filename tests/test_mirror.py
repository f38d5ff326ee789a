"""Tests stand where the package has their subject: tests/ROOM/test_MODULE.py for raysearch/ROOM/MODULE.py.

A package's own file, ROOM/__init__.py, is tested by tests/test_ROOM.py or tests/ROOM/test_init.py, if it defines
anything public. A test of several modules together is named by its subject and stands in the room it begins in.
"""

import ast

from tests.source import PACKAGE, ROOT, definitions, modules

CEILING = 93  # lower it whenever the number falls; never raise it


def untested() -> list[str]:
    """Modules that define something public and have no test file of their name in the mirrored place."""
    lacking = []
    for path in modules():
        relative = path.relative_to(PACKAGE)
        if not any(definitions(ast.parse(path.read_text()))):
            continue
        folder = ROOT / "tests" / relative.parent
        names = [folder / f"test_{path.stem}.py"]
        if path.stem == "__init__":
            names = [folder / "test_init.py", folder.parent / f"test_{relative.parent.name}.py"]
        if not any(name.is_file() for name in names):
            lacking.append(relative.as_posix())
    return lacking


def test_no_more_modules_than_before_lack_a_test_file_of_their_name():
    lacking = untested()
    print(f"{len(lacking)} modules have no test file of their name:", *lacking, sep="\n  ")
    assert len(lacking) <= CEILING, f"{len(lacking)} modules have no test file of their name, {CEILING} are allowed"


def test_a_module_with_its_test_file_is_not_counted():
    lacking = untested()
    assert "videos/reading.py" not in lacking and (ROOT / "tests/videos/test_reading.py").is_file()
