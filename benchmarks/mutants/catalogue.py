"""The lists of mutants, read from `lists/ROOM.yaml`, and what may be wrong with them.

A list holds blocks of one file each: `file` under raysearch/, `tests` (files or node ids under tests/, the quickest
first) and `mutants`. A mutant replaces the text `was`, which occurs exactly once in its file, by the text `now`, and
may name `tests` of its own. `lives` explains why no test can fail: such a mutant may survive, any other must not.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
LISTS = Path(__file__).parent / "lists"


@dataclass(frozen=True)
class Mutant:
    """One change of the package that tests must notice.

    Attributes:
        room: the name of its list.
        file: the file it changes, under raysearch/.
        was: the text as it stands.
        now: the text instead.
        tests: files or node ids under tests/ of which at least one test must fail.
        lives: why none can; empty for a mutant that must be killed.
    """

    room: str
    file: str
    was: str
    now: str
    tests: tuple[str, ...]
    lives: str = ""

    @property
    def path(self) -> str:
        """The file it changes, under the root of the checkout."""
        return f"raysearch/{self.file}"

    def __str__(self) -> str:
        was, now = (" ".join(text.split()) for text in (self.was, self.now))
        return f"{self.file}: {was}  ->  {now or '(nothing)'}"


def rooms() -> list[str]:
    """The names of the lists."""
    return sorted(path.stem for path in LISTS.glob("*.yaml"))


def read(room: str) -> list[Mutant]:
    """The mutants of one list, in its order."""
    mutants = []
    for block in yaml.safe_load((LISTS / f"{room}.yaml").read_text(encoding="utf-8")):
        for entry in block["mutants"]:
            tests = tuple(f"tests/{test}" for test in entry.get("tests", block["tests"]))
            lives = entry.get("lives", "")
            mutants.append(Mutant(room, block["file"], entry["was"], entry["now"], tests, lives))
    return mutants


def faults(mutants: list[Mutant], root: Path = ROOT) -> Iterator[str]:
    """What is not as it must be, in one line each: texts that do not occur once, doubles, missing files and tests."""
    count = Counter((m.file, m.was, m.now) for m in mutants)
    sources = {m.path: root / m.path for m in mutants}
    texts = {path: file.read_text(encoding="utf-8") for path, file in sources.items() if file.is_file()}
    functions = {name: _functions(root / name) for name in {t.split("::")[0] for m in mutants for t in m.tests}}
    for m in mutants:
        if m.path not in texts:
            yield f"{m}: there is no {m.path}"
        elif (times := texts[m.path].count(m.was)) != 1:
            yield f"{m}: the text occurs {times} times in {m.path}"
        elif m.was == m.now or count[m.file, m.was, m.now] > 1:
            yield f"{m}: changes nothing, or stands here twice"
        for test in m.tests:
            name, _, function = test.partition("::")
            if not functions[name] or (function and function.split("[")[0] not in functions[name]):
                yield f"{m}: there is no {test}"


def broken(mutants: list[Mutant], root: Path = ROOT) -> Iterator[str]:
    """Mutants that are no Python, which any test would notice; slower than `faults`."""
    for m in mutants:
        try:
            ast.parse((root / m.path).read_text(encoding="utf-8").replace(m.was, m.now))
        except SyntaxError as error:
            yield f"{m}: is no Python ({error})"


def _functions(path: Path) -> set[str]:
    """The test functions of a file; empty where there is no such file."""
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
