"""The package as text: its modules and their public definitions, read without importing them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import raysearch

PACKAGE = Path(raysearch.__file__).parent
ROOT = Path(__file__).parents[1]
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def modules() -> list[Path]:
    """Every file of the package, sorted."""
    return sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    """The import name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def definitions(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """(qualified name, node) of each public class, function and method; definitions inside functions are left out."""
    return _inside(tree.body, "")


def _inside(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Definition]]:
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _inside(node.body, f"{prefix}{node.name}.")
