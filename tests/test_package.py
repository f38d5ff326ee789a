"""The package as others get it: built, installed into an empty environment and used there, away from the checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import raysearch

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SOURCES = ("raysearch", "tests", "benchmarks", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE",
           "CHANGELOG.md", "constraints.txt")  # fmt: skip
BUILD = """
import sys
from setuptools import build_meta
print(getattr(build_meta, sys.argv[1])(sys.argv[2]))
"""


def output(*command: object, cwd: Path, **more: str) -> str:
    """What a successful command prints to standard output. Nothing of the checkout is on the path."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")} | more
    process = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def build(kind: str, source: Path, target: Path) -> Path:
    """Builds the `sdist` or the `wheel` of a source folder, with the setuptools that is installed here."""
    lines = output(sys.executable, "-c", BUILD, f"build_{kind}", target, cwd=source).splitlines()
    return target / lines[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    """The source distribution of a copy of the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    return build("sdist", source, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory) -> Path:
    """The wheel built from the source distribution, which shows that the latter is complete."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The scripts of an environment that has the wheel; the dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("environment")
    output(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / "bin/python"
    # First the wheel, then the path to the dependencies: pip must not see, and replace, the raysearch installed here.
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    output(*pip, wheel, cwd=folder)
    site = Path(output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_the_distributions_hold_the_package_with_its_data_and_nothing_else(sdist, wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = Path(raysearch.__file__).parent
    folders = (
        package,
        package / "jobs",
        package / "clusters",
    )  # rglob follows no links
    sources = {p.relative_to(package.parent).as_posix() for f in folders for p in f.rglob("*") if p.is_file()}
    assert {n for n in names if n.startswith("raysearch/")} == {n for n in sources if "__pycache__" not in n}
    assert {n.split("/")[0] for n in names} == {"raysearch", f"raysearch-{raysearch.__version__}.dist-info"}
    suffixes = {Path(n).suffix for n in names}
    assert "raysearch/py.typed" in names and {".css", ".js", ".safetensors"} <= suffixes
    with tarfile.open(sdist) as archive:
        top = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert {"raysearch", "README.md", "LICENSE", "CHANGELOG.md"} <= top and not top & {"tests", "benchmarks"}


def test_the_installed_command_runs_a_job_in_an_empty_folder(installed, tmp_path):
    where = output(installed / "python", "-c", "import raysearch; print(raysearch.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert "raysearch run demo" in output(installed / "raysearch", "--help", cwd=tmp_path)
    assert "best_of_n" in output(installed / "raysearch", "strategies", cwd=tmp_path)
    (tmp_path / "job.yaml").write_text(
        "run: out\nprompts: {heldout: 1}\nsearch: {name: best_of_n, n: 2}\ngenerator: {steps: 2}\n"
        "cluster: {executor: inline}\n"
    )
    output(installed / "raysearch", "run", "job.yaml", cwd=tmp_path)
    result = json.loads((tmp_path / "out/result.json").read_text())
    assert [search["error"] for search in result["searches"]] == [None] and len(result["searches"][0]["finals"]) == 2
    page = tmp_path / "out/report.html"
    page.unlink()
    output(installed / "raysearch", "report", "out", cwd=tmp_path)
    assert "<style" in page.read_text() and "<script" in page.read_text()
