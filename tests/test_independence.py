"""Tests and benchmarks do not depend on each other: what both need stands in examples/."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUBJECTS = {  # tests whose subject is a benchmark
    "tests/config/test_fuzz.py": {"fuzz"},
    "tests/executors/test_nodes.py": {"chaos"},
    "tests/pretrained/test_fuzz.py": {"fuzz"},
    "tests/rewards/test_table.py": {"gates", "rewards_table"},
    "tests/runs/test_folders.py": {"fuzz"},
    "tests/rewards/vjepa2/test_reward.py": {"reward"},
    "tests/runs/test_kills.py": {"fuzz"},
    "tests/test_fast.py": {"fast"},
    "tests/test_magi.py": {"magi"},
    "tests/test_gpu.py": {"gpu"},
    "tests/test_mutants.py": {"mutants"},
    "tests/test_results.py": {"results"},
    "tests/tinyworld/test_codec.py": {"gates"},
    "tests/tinyworld/test_pair.py": {"gates", "rewards_table"},
    "tests/videos/test_fuzz.py": {"fuzz"},
}


def imports(path: Path, package: str) -> set[str]:
    """The modules of a top-level package that a file imports, whole-package imports by the names they bind."""
    modules, text = set[str](), path.read_text()
    if package not in text:
        return modules
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        modules |= {name.split(".")[1] for name in names if name.split(".")[0] == package and "." in name}
    return modules


@pytest.mark.parametrize("folder", ["benchmarks", "examples", "raysearch"])
def test_nothing_imports_tests(folder):
    importers = [str(path) for path in (ROOT / folder).rglob("*.py") if imports(path, "tests")]
    assert importers == []


def test_only_tests_of_a_benchmark_import_it():
    for path in (ROOT / "tests").rglob("*.py"):
        allowed = SUBJECTS.get(path.relative_to(ROOT).as_posix(), set())
        assert imports(path, "benchmarks") <= allowed, path


@pytest.mark.parametrize("folder", ["examples", "raysearch"])
def test_examples_and_package_import_no_benchmarks(folder):
    assert [str(path) for path in (ROOT / folder).rglob("*.py") if imports(path, "benchmarks")] == []
