"""Every raysearch command in README and docs is one that the command line takes, on job files that are there.

With -m slow, the first blocks of the README are run word by word in a clean clone, in the shell that a reader has.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from raysearch import builtin
from raysearch.cli import _parse, _parser
from raysearch.config import load

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "clusters/README.md"]
BLOCK = re.compile(r"```(?:bash|sh|console)?\n(.*?)```", re.S)
INLINE = re.compile(r"`(raysearch [a-z][^`]*)`")
THEIRS = (
    "JOB",
    "RUN",
    "NAME",
    "MODEL",
    "DIR",
    "URL",
    "...",
    "…",
    "my-",
    "my_",
    "/shared",
    "models/",
)  # of the reader's


def commands(document: Path) -> list[str]:
    """The raysearch commands of a document, without comments; those that end in a backslash are one with the next."""
    text = document.read_text()
    lines = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    lines = [line.removeprefix("$ ") for line in lines]
    return [re.split(r"\s+#\s|\s{2,}\(", line)[0].strip() for line in lines if line.startswith("raysearch ")]


EVERY = [(d.name, c) for d in DOCUMENTS if d.name != "first-hour.md" for c in dict.fromkeys(commands(d))]


@pytest.mark.parametrize("document, command", EVERY, ids=lambda value: value[:60])
def test_a_command_in_a_document_can_be_typed(document, command, monkeypatch, capsys):
    if any(word in command for word in THEIRS) or (document == "wording.md" and "{" in command):
        pytest.skip("it names what is the reader's")
    monkeypatch.chdir(ROOT)
    words = shlex.split(command.replace("$PWD", str(ROOT)))[1:]
    args = _parse(words)
    job = args.job if "job" in args and args.job.endswith(".yaml") else None
    if job and not job.startswith("runs/"):
        assert Path(job).is_file(), job


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_command_that_a_text_names_is_there(document):
    known = _parser()[1]
    named = {found.split()[1] for found in INLINE.findall(document.read_text().replace("\n", " "))}
    assert named <= known.keys()


def test_there_are_many():
    assert len(EVERY) > 40 and len({command.split()[1] for _, command in EVERY}) > 15


@pytest.mark.parametrize("name", builtin.jobs())
def test_a_built_in_job_can_be_read(name):
    assert load(builtin.job(name), elsewhere=True).run.startswith("runs/")


def first_blocks() -> str:
    """What a reader of the README types until the clusters: the demo, the activation, and every command after it."""
    text = (ROOT / "README.md").read_text().split("## From laptop to cluster")[0]
    heads = ("make demo", "source ", "raysearch ")
    blocks = [block for block in re.findall(r"```\n(.*?)```", text, re.S) if block.startswith(heads)]
    assert len(blocks) == 3, blocks
    return "\n".join(line for line in "\n".join(blocks).splitlines() if not line.startswith("make test"))


@pytest.mark.slow
def test_the_first_blocks_of_the_readme_run_in_a_clean_clone(tmp_path):
    """Word by word, in one bash; the environment is there already, so that nothing is installed."""
    clone, env = tmp_path / "raysearch", {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    site = next((clone / ".venv/lib").glob("python*/site-packages"))
    (site / "raysearch.pth").write_text(f"{clone}\n{sysconfig.get_path('purelib')}\n")
    script = clone / ".venv/bin/raysearch"
    script.write_text(f"#!{clone}/.venv/bin/python\nimport sys\nfrom raysearch.cli import main\nsys.exit(main())\n")
    script.chmod(0o755)
    (clone / ".venv/ready").touch()
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run([bash, "-ex", "-c", first_blocks()], cwd=clone, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for file in ("runs/demo/report.html", "runs/demo32/report.html", "runs/guided/report.html", "maps"):
        assert (clone / file).exists(), file
