"""Imports run downward only, and importing the light parts loads nothing heavy. Checked in fresh interpreters."""

import ast
from pathlib import Path

import pytest

import raysearch
from tests.fresh import HEAVY, modules

ROOT = Path(raysearch.__file__).parent
LIGHT = [
    "raysearch", "raysearch.moves", "raysearch.search.weights", "raysearch.search.resampling", "raysearch.search.schedules",
    "raysearch.search", "raysearch.engine.journal", "raysearch.sampling.state", "raysearch.engine.coordinator", "raysearch.executors",
    "raysearch.observe",
    "raysearch.generators", "raysearch.rewards", "raysearch.rewards.fuse", "raysearch.rewards.plugins",
    "raysearch.config", "raysearch.cli", "raysearch.runs",
    "raysearch.report", "raysearch.tinyworld", "raysearch.tinyworld.truth",
    "raysearch.evals.physics_iq.scorer", "raysearch.evals.physics_iq.challenge.run", "raysearch.evals.preference.page",
    "raysearch.evals.videophy", "raysearch.evals.validate",
    "raysearch.config.explain", "raysearch.security", "raysearch.submit.sending", "raysearch.submit.slurm",
]  # fmt: skip
PURE = {"moves", "weights", "resampling", "schedules", "names", "errors", "search", "options", "coefficients"}
WITH_RAY = {
    "executors/ray.py", "executors/ray_actors.py", "executors/ray_cluster.py", "executors/ray_metrics.py",
    "executors/ray_pools.py", "executors/ray_critic.py", "executors/pool.py", "evals/shards.py", "submit/cluster.py",
}  # fmt: skip
# Who may import whom inside the package, besides itself: what stands below.
BELOW = {
    "errors": set(),
    "names": {"errors"},
    "places": set(),
    "security": {"errors"},
    "coefficients": {"names", "errors"},
    "moves": {"names", "errors", "coefficients"},
    "options": {"names", "errors", "moves", "coefficients"},
    "weights": {"moves", "names", "errors"},
    "resampling": {"weights", "moves", "names", "errors"},
    "schedules": {"weights", "moves", "names", "errors"},
    "search": PURE,
    "kernels": PURE - {"search"},
    "videos": {"errors"},
    "latents": {"errors"},
    "journal": {"moves", "errors"},
    "prompts": {"moves", "errors", "videos", "tinyworld"},
    "tinyworld": {"errors", "names", "moves", "rewards", "prompts", "videos"},
    "devices": set(),
    "resize": set(),
    "rewards": {"errors", "names", "prompts", "tinyworld", "resize", "devices"},
    "generators": {"errors", "names", "prompts", "tinyworld", "resize"},
    "guidance": {"errors", "names", "moves", "schedules", "kernels", "generators", "resize", "devices"},
    "executors": {
        "errors", "names", "moves", "prompts", "latents", "kernels", "schedules", "generators", "rewards", "videos",
        "settings", "guidance", "devices",
    },
    "evals": {
        "errors", "names", "moves", "prompts", "videos", "tinyworld", "config", "settings", "runs", "searches", "shelf",
        "task", "executors", "journal", "search", "report", "rewards", "replay",
    },
    "observe": {"moves", "config", "settings", "task", "executors"},
    "submit": {"errors", "moves", "config", "checks", "settings", "places", "security", "searches", "sweep"},
    "settings": {"places"},
    "checks": {"errors", "settings"},
    "config": {"errors", "names", "security", "settings", "checks", "tinyworld"},
    "task": {"moves", "prompts", "journal"},
    "coordinator": {"moves", "journal", "executors", "task"},
    "replay": {"moves", "journal", "task"},
}  # fmt: skip


@pytest.mark.parametrize("module", LIGHT)
def test_light_imports_load_neither_ray_nor_torch(module):
    loaded, _ = modules(f"import {module}")
    assert module in loaded
    assert not loaded & HEAVY


def test_search_knows_numpy_and_nothing_else():
    loaded, _ = modules("import raysearch.search")
    own = {m.split(".")[1] for m in loaded if m.startswith("raysearch.")}
    assert own <= PURE


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Rooms of this package that a file imports, relative imports resolved."""
    found = set()
    package = ["raysearch", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            names = [start, *(f"{start}.{a.name}" for a in node.names)]
        parts = [n.split(".") for n in names if n.startswith("raysearch.")]
        found |= {p[1] for p in parts if (ROOT / p[1]).is_dir() or (ROOT / f"{p[1]}.py").is_file()}
    return found


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_downward(path):
    own = room(path)
    if own in BELOW:
        assert imports(path) - {own} <= BELOW[own]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_ray_only_where_the_design_says(path):
    heavy = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            heavy |= {a.name.split(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            heavy.add(node.module.split(".")[0])
    where = path.relative_to(ROOT).as_posix()
    if "ray" in heavy:
        assert where in WITH_RAY
    if "torch" in heavy:
        assert room(path) in (
            "kernels", "guidance", "generators", "rewards", "tinyworld", "executors", "devices", "resize", "doctor",
        )  # fmt: skip
