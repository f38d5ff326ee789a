"""Where mutants are tried: a copy of the checkout, in which a process of its own runs the tests of one mutant.

Processes are forked from a server that has imported the libraries but nothing of raysearch, so that each reads the
package anew and yet starts at once. Hypothesis draws the same examples each time.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from benchmarks.mutants.catalogue import ROOT, Mutant

COPIED = ("raysearch", "tests", "examples", "benchmarks")
LIBRARIES = [
    "numpy", "torch", "pytest", "hypothesis", "scipy.stats", "yaml", "fsspec", "av", "safetensors.numpy", "diffusers",
    "transformers.models.vjepa2.modeling_vjepa2",
]  # fmt: skip
LIMIT_S = 300.0  # a mutant whose tests take longer hangs
CONTEXT = multiprocessing.get_context("forkserver")


def preload() -> None:
    """Have the server import the libraries before its first process; for many processes that is quicker."""
    CONTEXT.set_forkserver_preload(LIBRARIES)


@dataclass(frozen=True)
class Verdict:
    """What the tests of a mutant said.

    Attributes:
        killed: whether they failed or hung.
        by: the first test that failed, or why none was run.
        seconds: how long they took.
    """

    killed: bool
    by: str
    seconds: float


class Bench:
    """A copy of the checkout in a folder; trained weights and what is not Python are linked, not copied."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)
        for entry in ROOT.iterdir():
            if entry.name in COPIED:
                shutil.copytree(entry, folder / entry.name, ignore=_heavy, symlinks=True)
            elif entry.name not in (".git", ".venv", "build", "runs"):
                (folder / entry.name).symlink_to(entry)
        (folder / "raysearch/tinyworld/weights").symlink_to(ROOT / "raysearch/tinyworld/weights")

    def judge(self, tests: Sequence[str], mutant: Mutant | None = None) -> Verdict:
        """Run tests on the mutant, or on the package as it is.

        Args:
            tests: files or node ids, relative to the root; the first that fails ends the run.
            mutant: what to change meanwhile, or None.
        """
        with self._mutated(mutant):
            log, began = self.folder / "log.txt", monotonic()
            process = CONTEXT.Process(target=_run, args=(str(self.folder), list(tests), str(log), mutant is None))
            process.start()
            process.join(LIMIT_S)
            if hung := process.is_alive():
                os.killpg(process.pid or 0, signal.SIGKILL)
                process.join()
        seconds = monotonic() - began
        if hung:
            return Verdict(True, f"hangs for {LIMIT_S:g} s", seconds)
        text = log.read_text(errors="replace")
        first = re.search(r"^(?:FAILED|ERROR) (\S+)", text, re.M)
        return Verdict(process.exitcode != 0, first[1] if first else text[-2000:], seconds)

    @contextmanager
    def _mutated(self, mutant: Mutant | None) -> Iterator[None]:
        if mutant is None:
            yield
            return
        path = self.folder / mutant.path
        source = path.read_text(encoding="utf-8")
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()  # of the same size and second, it would be taken for the mutant's
        path.write_text(source.replace(mutant.was, mutant.now), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(source, encoding="utf-8")


def _heavy(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in ("__pycache__", "weights", ".hypothesis")}


def _run(folder: str, tests: list[str], log: str, compiles: bool) -> None:
    """The body of a process: run tests in a folder, the output into a file; the exit status is that of pytest."""
    os.setsid()
    os.chdir(folder)
    with open(log, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    assert "raysearch" not in sys.modules
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = not compiles
    for name in [name for name in sys.modules if name.partition(".")[0] in COPIED]:
        del sys.modules[name]  # the tests import the copy's
    import hypothesis
    import pytest

    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, deadline=None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # half of the time that an empty run takes
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--hypothesis-profile=mutants"]
    status = pytest.main([*options, *tests])
    sys.stdout.flush()
    os._exit(int(status))
