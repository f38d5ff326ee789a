"""Rules of the house that no other test sees: one class per name, short files, imports that lead somewhere."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.source import PACKAGE, ROOT, modules

LINES = 250  # that a file has at most
FOLDERS = ("raysearch", "benchmarks", "tests", "examples")  # whose modules import each other
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


def dangling(folder: Path) -> Iterator[str]:
    """Imports from our own modules, in the files of a folder, of a module or a name that is not there."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                wanted = [(name.name, None) for name in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                wanted = [(node.module, name.name) for name in node.names]
            else:
                continue
            for module, name in wanted:
                if module.split(".")[0] in FOLDERS and not leads_somewhere(module, name):
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {module} {name or ''}".rstrip()


@cache
def leads_somewhere(module: str, name: str | None) -> bool:
    """Whether a module is there, and the name is one of its modules or stands in its text outside a comment."""
    base = ROOT.joinpath(*module.split("."))
    source = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    if not source.exists():
        return base.is_dir() and name is not None and leads_somewhere(f"{module}.{name}", None)
    return name is None or leads_somewhere(f"{module}.{name}", None) or name in bound(source)


@cache
def bound(source: Path) -> set[str]:
    """Names that the top level of a module binds, or offers through its table of lazy exports."""
    text = source.read_text()
    found = {"__version__"}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)  # names of __all__ and of lazy exports
    return found


def test_every_import_of_our_own_leads_somewhere():
    """mypy reads the package alone; a module that a benchmark or a test asks for can vanish unseen."""
    lost = [where for folder in FOLDERS for where in dangling(ROOT / folder)]
    assert not lost, f"these import what is not there: {lost}"


def test_an_import_of_what_is_not_there_is_found():
    assert leads_somewhere("benchmarks.results", None) and leads_somewhere("raysearch.report.statistics", "interval")
    assert not leads_somewhere("benchmarks.statistics", "interval")
    assert not leads_somewhere("raysearch.report.statistics", "no_such_name")
