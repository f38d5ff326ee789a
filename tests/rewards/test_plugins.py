"""Plug-ins and custom rewards: the example of the docs as a real distribution, and everything that can be wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import raysearch
from raysearch import cli, config, rewards, runs
from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards import Scores, plugins, resolved
from raysearch.runs import fingerprints
from tests.waiting import PATIENCE_S

ROOT = Path(raysearch.__file__).parents[1]
VIEW = np.random.default_rng(0).integers(0, 255, (4, 8, 8, 3), dtype=np.uint8)
GOOD = """
from raysearch.rewards import Scores
class Bright:
    "How bright."
    size, differentiable = None, False
    def __init__(self, scale: float = 1.0, device: str = "?"):
        self.scale, self.device = scale, device
    def score(self, view, prompt):
        return Scores(self.scale * float(view.mean()), {"on": len(self.device)})
"""


def distribution(folder: Path, name: str, entries: str, code: str = "", version: str = "1.0") -> Path:
    """An installed distribution: a module and its metadata, as pip leaves them."""
    module = name.replace("-", "_")
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[{plugins.GROUP}]\n{entries}\n")
    if code:
        (folder / f"{module}.py").write_text(code)
    return folder


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs distributions for one test; their modules are forgotten again."""
    before = set(sys.modules)

    def make(name: str, entries: str, code: str = "", version: str = "1.0") -> None:
        monkeypatch.syspath_prepend(str(distribution(tmp_path / name, name, entries, code, version)))

    yield make
    for module in set(sys.modules) - before:
        if module.startswith("plug"):
            del sys.modules[module]


def test_a_plug_in_is_a_reward_like_others(install, capsys):
    install("plug-good", "bright = plug_good:Bright", GOOD)
    reward = rewards.load({"name": "bright", "scale": 2.0}, "cpu")
    assert reward.score(VIEW, Prompt("a", "x")) == Scores(2 * float(VIEW.mean()), {"on": 3})
    assert (reward.size, reward.differentiable, rewards.differentiable({"name": "bright"})) == (None, False, False)
    fused = rewards.load({"name": "fuse", "parts": [{"name": "bright", "weight": 0.5}]})
    assert fused.score(VIEW, Prompt("a", "x")).value == float(VIEW.mean()) / 2
    assert resolved({"name": "bright"}) == resolved({"name": "bright", "scale": 1.0}) != {"name": "bright"}
    with pytest.raises(UsageError, match="option of bright 'scal' is unknown; did you mean 'scale'"):
        rewards.check({"name": "bright", "scal": 1})
    assert cli.main(["rewards"]) == 0
    told = capsys.readouterr().out
    assert "bright: How bright.\n    not differentiable; from plug-good 1.0\n    scale = 1.0" in told


def test_another_version_is_another_reward(install):
    install("plug-one", "bright = plug_one:Bright", GOOD)
    first = fingerprints.rewards_fingerprint([{"name": "bright"}])
    nested = fingerprints.rewards_fingerprint([{"name": "fuse", "parts": [{"name": "bright"}]}])
    info = next(Path(p) for p in sys.path if p.endswith("plug-one"))
    (info / "plug_one-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-one\nVersion: 1.1\n")
    plugins._installed.cache_clear()
    assert fingerprints.rewards_fingerprint([{"name": "bright"}]) != first
    assert fingerprints.rewards_fingerprint([{"name": "fuse", "parts": [{"name": "bright"}]}]) != nested


@pytest.mark.parametrize(
    "entries, code, told",
    [
        ("odd = plug_bad:Odd", "import nowhere", "cannot be imported from plug_bad:Odd: ModuleNotFoundError"),
        ("odd = plug_bad:Odd", "raise RuntimeError('no\\nlicence')", "RuntimeError: no licence"),
        ("odd = plug_bad:Odd", "x = 1", "cannot be imported from plug_bad:Odd: AttributeError"),
        ("odd = plug_bad:Odd", "Odd = 3", "plug_bad:Odd is a int; name a class or a function"),
        ("odd = plug_bad:Odd", "class Odd: size = None", "is no reward, for it has no score(view, prompt)"),
        ("odd = plug_bad:Odd", "class Odd:\n size, differentiable, score = 'big', False, print", "size='big'"),
        ("odd = plug_bad:Odd", "class Odd:\n size, differentiable, score = 8, True, print", "True but has no reward"),
        (
            "odd = plug_bad:Odd",
            "class Odd:\n score = print\n def __init__(self): 1 / 0",
            "could not be made: ZeroDivisionError",
        ),
    ],
)
def test_a_broken_plug_in_is_named(install, entries, code, told):
    install("plug-bad", entries, code, "2.3")
    with pytest.raises(UsageError, match=r"reward odd of plug-bad 2\.3") as error:
        rewards.load({"name": "odd"})
    assert told in str(error.value) and "\n" not in str(error.value)
    assert rewards.load({"name": "motion"})  # which hurts nobody else


@pytest.mark.parametrize("returned, told", [("0.5", "returned a float"), ("Scores('high')", "plain numbers")])
def test_a_wrong_answer_is_named(install, returned, told):
    code = f"""
from raysearch.rewards import Scores
class Odd:
    size, differentiable = None, False
    def score(self, view, prompt): return {returned}
"""
    install("plug-wrong", "odd = plug_wrong:Odd", code)
    with pytest.raises(UsageError, match=f"reward odd of plug-wrong 1.0.*{told}"):
        rewards.load({"name": "odd"}).score(VIEW, Prompt("a", "x"))


def test_a_name_belongs_to_one(install, capsys):
    install("plug-a", "bright = plug_a:Bright", GOOD)
    install("plug-b", "bright = plug_b:Bright\nmotion = plug_b:Bright", GOOD)
    with pytest.raises(UsageError, match=r"plug-a 1.0 and plug-b 1.0 both bring a reward of that name; uninstall one"):
        rewards.check({"name": "bright"})
    with pytest.raises(UsageError, match=r"plug-b 1.0 takes the name of a reward of raysearch"):
        rewards.check({"name": "motion"})
    assert cli.main(["rewards"]) == 0
    assert "plug-b 1.0 takes the name of a reward of raysearch" in capsys.readouterr().out


def example(folder: Path) -> Path:
    """The distribution of docs/rewards.md, installed by pip into a folder."""
    text = (ROOT / "docs/rewards.md").read_text()
    blocks = {kind: re.search(rf"```{kind}\n(.*?)```", text, re.S)[1] for kind in ("python", "toml")}
    assert len(blocks["python"].strip().splitlines()) <= 24
    source = folder / "source"
    source.mkdir()
    (source / "steady_colour.py").write_text(blocks["python"])
    (source / "pyproject.toml").write_text(blocks["toml"])
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(folder / "site"), str(source)], check=True, timeout=PATIENCE_S)
    return folder / "site"


@pytest.mark.parametrize("executor", ["inline", pytest.param("ray", marks=pytest.mark.slow)])
def test_the_example_of_the_docs_runs(tmp_path, executor):
    """In a process of its own, and with ray in workers of their own, that know it by its installation alone."""
    path = os.pathsep.join([str(example(tmp_path)), str(ROOT)])
    words = ["run=" + str(tmp_path / "run"), "reward=steady_colour", "reward.bins=4", "watch=[motion]",
             "search.n=2", "generator.steps=2", "prompts.heldout=1", f"cluster.executor={executor}"]  # fmt: skip
    job = tmp_path / "job.yaml"
    job.write_text("{}\n")
    done = subprocess.run(
        [sys.executable, "-m", "raysearch.cli", "run", str(job), *words], cwd=tmp_path, timeout=PATIENCE_S,
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "run/result.json").read_text())
    finals = found["searches"][0]["finals"]
    assert found["reward"] == "steady_colour" and len(finals) == 2
    for o in finals:
        assert 0 < o["rewards"]["steady_colour"] < 1 and 0 < o["rewards"]["steady_colour.worst"] <= 1


CUSTOM = '''"""A module that was dropped beside the job."""
from raysearch.options import Count
from raysearch.rewards import Scores


class Steady:
    """How little the mean brightness drifts.

    Args:
        power: the exponent of the drift.
    """

    size, differentiable = None, False

    def __init__(self, power: Count = 1):
        self.power = power

    def score(self, view, prompt, fps=None):
        drift = abs(float(view[-1].mean()) - float(view[0].mean())) / 255
        return Scores(1 - drift**self.power, {"fps": fps or 0.0})


class Mapless:
    size, differentiable, maps = None, False, True

    def score(self, view, prompt):
        return Scores(0.0)


number = 3


def nothing():
    return "no reward"
'''
STEADY = {"name": "plug_dropped:Steady"}


@pytest.fixture
def dropped(tmp_path, monkeypatch):
    """A module on the path, which is all that a custom reward needs."""
    (tmp_path / "plug_dropped.py").write_text(CUSTOM)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("plug_dropped", None)


def test_a_custom_reward_is_named_by_its_module(dropped, capsys):
    reward = rewards.load({**STEADY, "power": 2})
    view = np.stack([np.zeros((4, 4, 3)), np.full((4, 4, 3), 51)]).astype(np.uint8)
    assert reward.score(view, Prompt("a", "x")) == Scores(1 - 0.2**2, {"fps": 0.0})
    assert reward.score(view, Prompt("a", "x"), 8.0).details == {"fps": 8.0}
    assert rewards.label(STEADY) == "Steady" and resolved(STEADY)["power"] == 1
    assert cli.main(["rewards", "plug_dropped:Steady"]) == 0
    printed = capsys.readouterr().out
    assert "plug_dropped:Steady: How little the mean brightness drifts.\n    not differentiable; from" in printed
    assert "power = 1  the exponent of the drift (a whole number of at least 1)" in printed


@pytest.mark.parametrize(
    "spec, message",
    [
        ({"name": "plug_nowhere:Steady"}, "reward.name='plug_nowhere:Steady': ModuleNotFoundError: No module named"),
        ({"name": "plug_dropped:Stedy"}, "reward.name='plug_dropped:Stedy': AttributeError: module 'plug_dropped' has"),
        ({"name": "plug_dropped:number"}, "reward.name='plug_dropped:number': plug_dropped:number is a int; name a"),
        (
            {"name": "plug_dropped:Scores"},
            "reward.name='plug_dropped:Scores': plug_dropped:Scores is no reward",
        ),
        ({**STEADY, "powr": 2}, "reward: option of plug_dropped:Steady 'powr' is unknown; did you mean 'power'?"),
        ({**STEADY, "power": 0}, "reward.power=0: give a whole number of at least 1"),
    ],
)
def test_a_custom_reward_that_cannot_be_is_one_line_before_anything_is_loaded(dropped, spec, message):
    with pytest.raises(UsageError) as error:
        rewards.check(spec)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_what_turns_out_to_be_no_reward_is_one_line(dropped):
    for name, message in (("nothing", "has no size and no differentiable and no score"), ("Mapless", "maps=True but")):
        with pytest.raises(UsageError, match=message):
            rewards.load({"name": f"plug_dropped:{name}"})


def test_another_source_is_another_reward(dropped):
    first = fingerprints.rewards_fingerprint([STEADY])
    nested = {"name": "fuse", "parts": [STEADY]}
    inside = fingerprints.rewards_fingerprint([nested])
    assert fingerprints.rewards_fingerprint([STEADY]) == first
    (dropped / "plug_dropped.py").write_text(CUSTOM.replace("1 - drift", "2 - drift"))
    assert fingerprints.rewards_fingerprint([STEADY]) != first
    assert fingerprints.rewards_fingerprint([nested]) != inside


def test_a_run_goes_by_a_custom_reward(dropped):
    values = {
        "run": str(dropped / "run"), "prompts": {"heldout": 1}, "search": {"name": "best_of_n", "n": 2},
        "generator": {"steps": 2}, "cluster": {"executor": "inline"}, "reward": {**STEADY, "power": 2},
    }  # fmt: skip
    (end,) = runs.run(config.typed(values, "test"))
    assert all(0 < o.rewards["Steady"] <= 1 and o.rewards["Steady.fps"] == 8 for o in end.result.finals)
    assert json.loads((dropped / "run/result.json").read_text())["reward"] == "Steady"
