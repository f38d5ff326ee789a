"""Imports run downward only, nothing runs in a circle, and the light parts load nothing heavy.

Every module of the package is covered. Imports inside functions count as well, and so does the face of a package
(`__init__`), which stands for the modules whose names it passes on; imports for type checking alone do not.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

import raysearch
from tests.fresh import HEAVY, modules

ROOT = Path(raysearch.__file__).parent
PATHS = sorted(ROOT.rglob("*.py"))
# Each room may import those on floors below its own; rooms on one floor do not know each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("canonical", "errors", "resize", "devices", "times"),
    ("names", "pretrained", "security", "stopping", "storage", "videos", "web"),
    ("builtin", "coefficients"),
    ("moves",),
    ("options",),
    ("search",),
    ("tinyworld", "cards"),
    ("prompts",),
    ("config",),
    ("writers",),
    ("rewards",),
    ("generators",),
    ("sampling",),
    ("executors",),
    ("engine",),
    ("observe",),
    ("runs",),
    ("report",),
    ("sweep",),
    ("evals",),
    ("submit",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
LIGHT = [
    "raysearch", "raysearch.moves", "raysearch.search", "raysearch.options", "raysearch.config", "raysearch.rewards",
    "raysearch.generators", "raysearch.executors", "raysearch.engine.coordinator", "raysearch.observe",
    "raysearch.runs", "raysearch.report", "raysearch.sweep", "raysearch.tinyworld", "raysearch.cli",
    "raysearch.security",
    "raysearch.evals.physics_iq.scorer", "raysearch.evals.physics_iq.challenge.run", "raysearch.evals.preference.page",
    "raysearch.evals.videophy", "raysearch.evals.validate", "raysearch.submit.sending", "raysearch.submit.slurm",
]  # fmt: skip
RAY = ("executors/ray/", "observe/ray_metrics.py", "evals/shards.py", "submit/")
TORCH = ("sampling", "writers", "generators", "rewards", "tinyworld", "devices", "resize", "executors", "pretrained")


def name_of(path: Path) -> str:
    return ".".join(["raysearch", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")


MODULES = {name_of(path): path for path in PATHS}


def type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def nodes(tree: ast.AST):
    for child in ast.iter_child_nodes(tree):
        if not type_checking(child):
            yield child
            yield from nodes(child)


@cache
def imports(module: str) -> frozenset[str]:
    """Every module of the package that a module imports, anywhere in it."""
    path, names = MODULES[module], set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            start = ".".join(filter(None, (base, node.module)))
            for alias in node.names:
                names.add(f"{start}.{alias.name}" if f"{start}.{alias.name}" in MODULES else start)
    return frozenset(names & MODULES.keys())


def room(module: str) -> str:
    return [*module.split("."), ""][1]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_run_downward(module):
    own = room(module)
    if own:
        assert own in FLOOR, f"{own} has no floor; give it one in FLOORS"
        upward = {m for m in imports(module) if room(m) not in ("", own) and FLOOR[room(m)] >= FLOOR[own]}
        assert not upward


def test_no_imports_run_in_a_circle():
    seen: dict[str, bool] = {}

    def circle(module: str, way: tuple[str, ...]) -> tuple[str, ...]:
        if module in way:
            return (*way[way.index(module) :], module)
        if module in seen:
            return ()
        for other in sorted(imports(module)):
            if back := circle(other, (*way, module)):
                return back
        seen[module] = True
        return ()

    assert not [way for module in sorted(MODULES) if (way := circle(module, ()))]


def test_few_modules_stand_loose_at_the_top():
    assert len([path for path in ROOT.glob("*.py") if path.name != "__init__.py"]) <= 14


@pytest.mark.parametrize("module", LIGHT)
def test_light_imports_load_neither_ray_nor_torch(module):
    loaded, _ = modules(f"import {module}")
    assert module in loaded
    assert not loaded & HEAVY


def test_search_knows_numpy_and_nothing_else():
    loaded, _ = modules("import raysearch.search")
    own = {m.split(".")[1] for m in loaded if m.startswith("raysearch.")}
    assert own <= {"canonical", "moves", "names", "errors", "options", "coefficients", "times", "search"}
    assert not loaded & {*HEAVY, "omegaconf", "fsspec", "pydantic"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_heavy_libraries_only_where_the_design_says(module):
    heavy = set()
    for node in nodes(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            heavy |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            heavy.add(node.module.split(".")[0])
    where = MODULES[module].relative_to(ROOT).as_posix()
    assert "ray" not in heavy or where.startswith(RAY)
    assert not heavy & {"torch", "diffusers", "transformers"} or room(module) in TORCH
