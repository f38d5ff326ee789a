"""The benchmark for GPUs runs at tiny size on a CPU, without Ray; a part that fails costs itself alone."""

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu import meter, models
from benchmarks.gpu.child import answer
from benchmarks.gpu.page import page
from benchmarks.gpu.parts import COG, NAMES, PARTS, WAN, WAN_14B, Part, Place
from benchmarks.gpu.runner import answered
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[1]
TINY = Place("cpu", "tiny")


@pytest.mark.parametrize("name", ["step-ltx-2b", "step-cogvideox-5b", "particles", "magi-4", "decode-wan"])
def test_a_part_measures_at_tiny_size(name):
    found = answer(NAMES[name], TINY)
    assert found["status"] == "done", found
    assert len({row["what"] for row in found["rows"]}) == len(found["rows"])
    assert all(row["seconds"] > 0 and row["peak_gb"] >= 0 and "mfu" not in row for row in found["rows"])


def test_seconds_each_are_those_of_the_call_shared_by_its_particles():
    assert all(row["seconds_each"] * int(row["what"][0]) == pytest.approx(row["seconds"])
               for row in NAMES["particles"].run(TINY))  # fmt: skip


def test_a_chunk_takes_its_steps_of_both_kinds():
    guided, plain, whole = NAMES["magi-1"].run(TINY)
    assert whole["seconds"] == pytest.approx(48 * guided["seconds"] + 16 * plain["seconds"])


def test_a_gpu_that_is_not_there_is_said():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert answer(NAMES["bits"], Place("cuda", "tiny")) == {"status": "skipped", "reason": "no CUDA device"}


def test_memory_that_does_not_suffice_is_said_and_other_errors_are_not_hidden(monkeypatch):
    def measure(error):
        monkeypatch.setattr("benchmarks.gpu.steps.models.build", lambda *_: (_ for _ in ()).throw(error))
        return answer(NAMES["step-wan-1.3b"], TINY)

    assert "memory" in measure(MemoryError())["reason"]
    assert measure(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))["status"] == "skipped"
    with pytest.raises(RuntimeError, match="another"):
        measure(RuntimeError("another"))


def test_weights_have_the_dtypes_of_a_loaded_model():
    """As from_pretrained leaves them: time embedding, norms and tables of Wan in fp32."""
    import diffusers
    import torch

    network = models.random_weights(diffusers.WanTransformer3DModel, models.WAN_TINY, "cpu", torch.bfloat16)
    kinds = {name: weight.dtype for name, weight in network.named_parameters()}
    assert kinds["blocks.0.attn1.to_q.weight"] == torch.bfloat16
    assert kinds["condition_embedder.time_embedder.linear_1.weight"] == torch.float32
    assert kinds["blocks.0.scale_shift_table"] == torch.float32


def test_arithmetic_is_that_of_the_published_size():
    full = Place("cuda", "full")
    small, large, cog = (models.flop(hub, full) / 1e15 for hub in (WAN, WAN_14B, COG))
    assert 0.4 < small < 0.7 and 3 < large < 4 and 0.3 < cog < 1  # with guidance, so of two forward passes
    assert models.flop(WAN, TINY) is None


def test_the_share_of_peak_is_told_for_known_gpus_alone(monkeypatch):
    monkeypatch.setattr(meter, "peak_flops", lambda device: 1e6)
    row = meter.measured("cpu", lambda: time.sleep(0.01), flop=5e3)
    assert row["mfu"] == pytest.approx(5e3 / row["seconds"] / 1e6)


def test_a_part_that_hangs_is_ended_with_all_it_started(tmp_path):
    mark = tmp_path / "alive"
    child = f"import pathlib, time\nwhile True: pathlib.Path({str(mark)!r}).touch(); time.sleep(0.05)"
    hanging = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(600)"
    assert answered([sys.executable, "-c", hanging], 2.0) == {
        "status": "failed", "took": 2.0, "reason": "not finished after 2 s"}  # fmt: skip
    mark.unlink(missing_ok=True)
    time.sleep(0.2)
    assert not mark.exists()


@pytest.mark.parametrize(("code", "reason"), [
    ("raise ValueError('no such thing')", "ended with 1: ValueError: no such thing"),
    ("import os; os.kill(os.getpid(), 9)", "ended by signal 9"),
])  # fmt: skip
def test_a_part_that_fails_says_why(code, reason):
    found = answered([sys.executable, "-c", code], 30.0)
    assert (found["status"], found["reason"]) == ("failed", reason)


def test_the_page_tells_what_was_measured_and_what_was_not():
    assert page({}).count("Not run yet") == 1 + len(PARTS)
    rows = [{"what": "a step", "seconds": 0.5, "mfu": 0.414, "same_bits": False}]
    failed = {"status": "failed", "reason": "not finished after 9 s"}
    parts = {"bits": {"status": "done", "rows": rows}, "compile": failed}
    found = {"about": {"device": "NVIDIA H100", "torch": "2.6"}, "took": 12.0, "parts": parts}
    text = page(found)
    assert "On NVIDIA H100: torch 2.6; 12 s in all." in text
    assert "|  | same bits | seconds | share of peak arithmetic |" in text
    assert "| a step | **no** | 0.5 | 41% |" in text
    assert "Failed: not finished after 9 s." in text and text.count("Not run yet") == len(PARTS) - 2


def test_the_committed_page_is_that_of_the_committed_figures():
    figures = ROOT / "benchmarks/gpu.json"
    found = json.loads(figures.read_text()) if figures.exists() else {}
    assert (ROOT / "docs/gpu.md").read_text() == page(found) + "\n"


def test_every_part_can_be_found():
    from importlib import import_module

    for part in PARTS:
        module, _, function = part.target.partition(":")
        assert callable(getattr(import_module(f"benchmarks.gpu.{module}"), function)), part
    assert sum(part.limit for part in PARTS) < 30 * 60  # all of them at their limits: an end is in sight


def test_nothing_on_its_way_imports_ray():
    """Of the benchmark no import at all, and none that is executed when what it uses is imported."""
    files, seen = [(path, True) for path in (ROOT / "benchmarks/gpu").glob("*.py")], set[Path]()
    while files:
        path, everywhere = files.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imported(ast.parse(path.read_text()), everywhere):
            assert name.split(".")[0] != "ray", path
            files += [(file, False) for file in places(name) if file.exists()]
    assert len(seen) > 60  # it has found its way into the package


def imported(tree: ast.AST, everywhere: bool) -> set[str]:
    """Names of modules; those of functions and of type checking only where they are asked for."""
    names = set[str]()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # relative ones stay within a package that imports no Ray: tinyworld
            names |= {f"{node.module}.{alias.name}" for alias in node.names if not node.level}
        elif everywhere or not (isinstance(node, ast.FunctionDef) or typing_only(node)):
            names |= imported(node, everywhere)
    return names


def typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def places(name: str) -> list[Path]:
    """The files of a module of this repository, and of the packages that it stands in."""
    parts = name.split(".")
    above = [ROOT.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
    return [*above, *(ROOT.joinpath(*parts[:n]).with_suffix(".py") for n in range(2, len(parts) + 1))]


@pytest.mark.slow
def test_all_parts_run_on_a_cpu_without_ray(tmp_path):
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray/__init__.py").write_text("raise ImportError('Ray is not installed here')")
    words = [sys.executable, "-m", "benchmarks.gpu", "--size", "tiny", "--device", "cpu", "--minutes", "60", "--json",
             str(tmp_path / "gpu.json"), "--page", str(tmp_path / "gpu.md")]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60 * PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    parts = json.loads((tmp_path / "gpu.json").read_text())["parts"]
    expected = dict.fromkeys(NAMES, "done") | {"offload": "skipped"}
    assert {name: result["status"] for name, result in parts.items()} == expected
    rows = [row for result in parts.values() for row in result.get("rows", ())]
    assert all(row.get("same_bits", True) for row in rows)
    assert all(row["difference"] == 0 for row in parts["against-cpu"]["rows"])
    assert "Not run yet" not in (tmp_path / "gpu.md").read_text()


def test_tiny_figures_do_not_overwrite_the_committed_ones():
    words = [sys.executable, "-m", "benchmarks.gpu", "--size", "tiny", "--device", "cpu"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "give --json and --page" in done.stderr
    assert isinstance(NAMES["bits"], Part)
