"""The documented names: what users, their jobs, their plug-ins and other libraries look up must stay where it is."""

import ast
import importlib
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.source import PACKAGE, ROOT, modules

NAMES = """
raysearch: __version__ load run
raysearch.cli: main
raysearch.config: load
raysearch.errors: UsageError
raysearch.moves: KERNELS Kernel Guide Move Cost Outcome Round Result Search argbest digest encode decode
raysearch.options: Count Fraction Natural NonNegative Option Part Positive PositiveFraction Window check describe
raysearch.prompts: Prompt frames
raysearch.report: Run read warnings write
raysearch.rewards: Reward Scores check differentiable label load needs settings
raysearch.runs: run
raysearch.search: STRATEGIES describe strategy
raysearch.search.best_of_n: best_of_n expected_best
raysearch.search.common: ODE NOISY afford at_least handles moves_to nfe proper ranked refuse_copies refuse_uncorrected rewards stochastic_steps stream
raysearch.tinyworld: weights
raysearch.tinyworld.codec: TinyPatchCodec
raysearch.videos: Clip decode encode facts read read_image
"""  # noqa: E501
PUBLIC = [(line.split(": ")[0], name) for line in NAMES.split("\n") if line for name in line.split(": ")[1].split()]
CODE = re.compile(r"```python\n(.*?)```", re.S)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("module, name", PUBLIC, ids=lambda value: value)
def test_a_documented_name_is_importable(module, name):
    assert hasattr(importlib.import_module(module), name)


def imports(source: str) -> set[tuple[str, str]]:
    """(module, name) of everything of raysearch that a source text imports by name."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    return {(n.module, a.name) for n in nodes if n.module and n.module.startswith("raysearch") for a in n.names}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_examples_in_documents_import_what_there_is(document):
    for source in CODE.findall(document.read_text()):
        for module, name in imports(source):
            found = importlib.import_module(module)
            assert hasattr(found, name) or importlib.import_module(f"{module}.{name}"), f"{module}.{name}"


def test_the_examples_import_documented_names_alone():
    documents = "\n".join(document.read_text() for document in DOCUMENTS)
    named = {pair for source in CODE.findall(documents) for pair in imports(source)}
    packages = {module.rpartition(".") for module, _ in PUBLIC}
    assert len(named) > 10
    assert named <= set(PUBLIC) | {(package, name) for package, _, name in packages}


@pytest.mark.parametrize("path", [p for p in modules() if "__all__" in p.read_text()], ids=lambda p: p.parent.name)
def test_what_a_module_exports_is_there(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    module = importlib.import_module(".".join(p for p in parts if p != "__init__"))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert len(set(module.__all__)) == len(module.__all__)


def test_the_group_of_entry_points_for_rewards_is_the_documented_one():
    from raysearch.rewards import plugins

    assert plugins.GROUP == "raysearch.rewards"
    assert '[project.entry-points."raysearch.rewards"]' in (ROOT / "docs/rewards.md").read_text()


def test_the_command_line_runs_as_a_script():
    command = [sys.executable, "-m", "raysearch.cli", "--help"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0 and "usage: raysearch" in process.stdout, process.stderr


def test_the_training_has_a_script():
    assert find_spec("raysearch.tinyworld.train.__main__")


def test_diffusers_looks_up_the_codec_where_the_weights_say():
    index = (PACKAGE / "tinyworld/weights/generator/model_index.json").read_text()
    assert '"raysearch.tinyworld.codec"' in index and '"TinyPatchCodec"' in index
