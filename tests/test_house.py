"""Rules of the house that no other test sees: one class per name, short files, imports that lead somewhere."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.source import PACKAGE, ROOT, modules

LINES = 250  # that a file has at most
FOLDERS = ("raysearch", "benchmarks", "tests", "examples")  # whose modules import each other
CEILING = 7  # files longer than that; lower it whenever the number falls, never raise it


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


OURS = rf"(?:{'|'.join(FOLDERS)})[\w.]*"
IMPORT = re.compile(rf"^[ \t]*(?:from ({OURS}) import (\([^)]*\)|[^\n]+)|import ({OURS}))", re.M)


def dangling(folder: Path) -> Iterator[str]:
    """Imports from our own modules, in the files of a folder, of a module or a name that is not there."""
    for path in sorted(folder.rglob("*.py")):
        for module, names, alone in IMPORT.findall(path.read_text()):
            listed = re.sub(r"#[^\n]*|[()]", "", names).split(",") if names else []
            for name in [words.split()[0] for words in listed if words.split()] or [None]:
                if not leads_somewhere(module or alone, name):
                    yield f"{path.relative_to(ROOT)} {module or alone} {name or ''}".rstrip()


@cache
def leads_somewhere(module: str, name: str | None) -> bool:
    """Whether a module is there, and the name is one of its modules or something that its text binds."""
    base = ROOT.joinpath(*module.split("."))
    source = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    if not source.exists():
        return base.is_dir() and name is not None and leads_somewhere(f"{module}.{name}", None)
    return name is None or leads_somewhere(f"{module}.{name}", None) or binds(source, name)


def binds(source: Path, name: str) -> bool:
    """Whether a module defines, assigns or imports a name, or lists it among its lazy exports."""
    ways = (
        rf"(?:def|class)\s+{name}\b",
        rf"\b{name}\s*(?::[^=\n]+)?=",
        rf"^(?:[^\n=]+,\s*)?{name}(?:,[^\n=]+)?\s*=",  # A, B = ...
        rf"\bimport\b[^\n]*\b{name}\b",
        rf"^\s+{name},?\s*$",
        rf"[\"']{name}[\"']",
    )
    return name.startswith("__") or any(re.search(way, text_of(source), re.M) for way in ways)


@cache
def text_of(source: Path) -> str:
    return source.read_text()


def test_every_import_of_our_own_leads_somewhere():
    """mypy reads the package alone; a module that a benchmark or a test asks for can vanish unseen."""
    lost = [where for folder in FOLDERS for where in dangling(ROOT / folder)]
    assert not lost, f"these import what is not there: {lost}"


def test_an_import_of_what_is_not_there_is_found():
    assert leads_somewhere("benchmarks.results", None) and leads_somewhere("raysearch.report.statistics", "interval")
    assert not leads_somewhere("benchmarks.statistics", "interval")
    assert not leads_somewhere("raysearch.report.statistics", "no_such_name")
