"""A driver that is killed at any of its system calls: the same command ends as if nothing had happened.

The calls are intercepted, not met by chance: in a fork, a profiling hook sees every call of a C function, counts those
that can change a file, and ends the process right before the n-th one, without any clean-up, as `kill -9` does. Between
two of them the folder does not change, so this covers every moment. What Python has buffered by then is lost.
"""

import io
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from benchmarks.fuzz.folders import differences
from benchmarks.fuzz.forks import fork
from raysearch.cli import main

JOB = """
prompts: {items: [{id: a, text: a ball}]}
search: {name: smc, n: 2, kernel: {name: ddim_eta, eta: 0.7}, reads: [0.5]}
generator: {name: "examples.clockwork:load", model: clockwork, steps: 4, fps: 8}
reward: motion
watch: []
films: best
latents: finals
cluster: {executor: inline}
"""
CHANGING = {
    "open", "write", "close", "flush", "truncate", "ftruncate", "mkdir", "rmdir", "rename", "replace", "unlink",
    "remove", "link", "symlink", "__exit__", "copy_file_range", "sendfile", "utime", "chmod",
}  # fmt: skip
LIMIT_S = 120.0


class Calls:
    """Counts the calls of C functions that can change a file, and ends the process before one of them.

    Args:
        last: the number of the call that is not made any more; 0 for none.
    """

    def __init__(self, last: int = 0):
        self.last, self.count = last, 0

    def __call__(self, frame: object, event: str, function: object) -> None:
        if event == "c_call" and changes(function):
            self.count += 1
            if self.count == self.last:
                os._exit(137)


def changes(function: object) -> bool:
    """Whether this is a function of the operating system, or of a file on disk, that can change files."""
    name, of = getattr(function, "__name__", ""), getattr(function, "__self__", None)
    if name not in CHANGING:
        return False
    if isinstance(of, io.IOBase):
        return not isinstance(of, io.BytesIO | io.StringIO) and of not in (sys.stdout, sys.stderr)
    return getattr(of, "__name__", "") in ("posix", "io", "_io", "builtins")


def counted(act: Callable[[], int], last: int = 0) -> tuple[int, int]:
    """What an act returns, and how many such calls it makes."""
    calls = Calls(last)
    sys.setprofile(calls)
    try:
        return act(), calls.count
    finally:
        sys.setprofile(None)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A folder with the job, an undisturbed run of it, and folders that it may be begun in; everything is imported."""
    root = tmp_path_factory.mktemp("kills")
    (root / "job.yaml").write_text(JOB)
    with redirect_stdout(io.StringIO()):
        assert main(command(root, "whole")) == 0
        assert main([*command(root, "another search"), "search.n=3", "seed=1"]) == 0
        middle = counted(lambda: main(command(root, "counted")))[1] // 2
    (root / "nothing").mkdir()
    ended = fork(lambda: counted(lambda: main(command(root, "killed")), middle)[0], root / "said", LIMIT_S)
    assert ended.code == 137, ended.said
    return root


def command(root: Path, name: str) -> list[str]:
    """The command that runs the job in a folder of this name."""
    return ["run", str(root / "job.yaml"), f"run={root / name}"]


def killed_at(root: Path, start: str, call: int) -> list[str] | None:
    """What is wrong after a run was killed at this call and the command given again; None if it ends before.

    Args:
        root: where everything lies.
        start: name of the folder, a copy of which the run is begun in.
        call: number of the call.
    """
    name = f"{start} {call}"
    shutil.copytree(root / start, root / name)
    ended = fork(lambda: counted(lambda: main(command(root, name)), call)[0], root / "said", LIMIT_S)
    if ended.code == 0:
        return None
    if ended.code != 137:
        return [f"not killed: {ended}"]
    before = recorded(root / name)
    ended = fork(lambda: main(command(root, name)), root / "said", LIMIT_S)
    if ended.code:
        return [f"{ended}"]
    executed = recorded(root / name) - before
    wrong = differences(root / name, root / "whole") + left(root / name)
    return wrong + ([] if f"{executed} moves executed" in ended.said and executed <= 4 else [ended.said])


def recorded(folder: Path) -> int:
    """How many Moves a folder has recorded."""
    return sum(len(path.read_bytes().splitlines()) for path in folder.glob("outcomes/*.jsonl"))


def left(folder: Path) -> list[str]:
    """What should not be in a folder."""
    known = {"config.yaml", "manifest.json", "outcomes", "latents", "films", "best", "events.jsonl", "result.json",
             "report.html", "candidates.csv"}  # fmt: skip
    return [path.name for path in folder.iterdir() if path.name not in known]


def all_kills(root: Path, start: str, calls: Iterable[int]) -> None:
    """Assert that the run goes on after a kill at each of these calls, up to the last that it makes."""
    killed = dict[int, list[str]]()
    for call in calls:
        wrong = killed_at(root, start, call)
        if wrong is None:
            break
        killed[call] = wrong
    assert len(killed) >= 3 and not {call: wrong for call, wrong in killed.items() if wrong}


STARTS = ["nothing", "killed", "another search"]


def test_the_calls_of_opening_claiming_and_finishing_are_among_those_counted(scene):
    made = Counter[str]()

    def watch(frame: object, event: str, function: object) -> None:
        if event == "c_call" and changes(function):
            made[function.__name__] += 1

    with redirect_stdout(io.StringIO()):
        sys.setprofile(watch)
        main(command(scene, "seen"))
        sys.setprofile(None)
    assert made.keys() >= {"open", "write", "link", "replace", "unlink"} and made.total() > 60


@pytest.mark.parametrize("start", STARTS[:2])
def test_a_run_killed_at_some_calls_goes_on(scene, start):
    all_kills(scene, start, range(1 + STARTS.index(start), 1000, 41))


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS)
def test_a_run_killed_at_any_call_goes_on(scene, start):
    all_kills(scene, start, range(1, 1000))
