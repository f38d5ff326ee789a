"""Files about working on this repository agree with each other."""

import configparser
import re

import pytest
import yaml

from raysearch import __version__
from tests.source import ROOT


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile, with the folder of the tools spelt out."""
    lines = (ROOT / "Makefile").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"{target}:"))
    commands = []
    for line in lines[start + 1 :]:
        if not line.startswith("\t"):
            break
        commands.append(line.strip().replace("$(BIN)", ".venv/bin"))
    return commands


def test_pre_commit_makes_the_checks_of_make_lint():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert [hook["entry"] for hook in hooks] == recipe("lint") and len(hooks) >= 3
    assert {repository["repo"] for repository in config["repos"]} == {"local"}
    assert all(hook["language"] == "system" and hook["always_run"] and not hook["pass_filenames"] for hook in hooks)


def test_the_changelog_has_the_version_and_states_the_journal_format_of_every_release():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    releases = re.split(r"^## ", changelog, flags=re.M)[1:]
    titles = [release.splitlines()[0] for release in releases]
    assert titles[0] == "[Unreleased]" and any(title.startswith(f"[{__version__}]") for title in titles)
    assert all(re.search(r"^Journal format: \d+\b", release, re.M) for release in releases)


def test_the_changelog_names_the_journal_format_that_is_written(tmp_path):
    from raysearch import config, runs

    job = config.load(str(ROOT / "jobs/demo.yaml"), [f"run={tmp_path}"])
    newest = re.search(r"^Journal format: (\d+)\b", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest and newest[1] == runs.manifest(job)["raysearch"]


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "README.md"])
def test_make_targets_named_in_documents_exist(document):
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)`", (ROOT / document).read_text()))
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert named and named <= known


def test_every_extra_is_pinned():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    for extra in ("dev", "docs"):
        wanted = {re.split(r"[<>=\[]", line)[0] for line in setup["options.extras_require"][extra].split("\n") if line}
        assert wanted and wanted <= pinned
