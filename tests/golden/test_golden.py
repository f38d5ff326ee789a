"""What was written by an earlier version is what this one writes: keys, decisions, journals, manifests, hashes.

Where the tiny networks compute, rewards may differ in their last bits between processors, so those are compared with a
tolerance; keys, and all that the arithmetic of `tests.golden.world` gives, exactly.
"""

import json
import math
import shutil
from dataclasses import dataclass, field, fields, make_dataclass, replace
from pathlib import Path

import pytest
import yaml

from raysearch import config, runs
from raysearch.config.settings import GeneratorConfig
from raysearch.generators import cheaper
from raysearch.moves import Guide, Kernel, Move
from raysearch.runs.fingerprints import generator_fingerprint
from raysearch.search import STRATEGIES
from tests.golden import pins

HERE = Path(__file__).parent
PINNED = json.loads((HERE / "pins.json").read_text())
NOW = pins.pins()
RUNS = pins.RUNS


def lines(run: Path) -> list[dict]:
    """The recorded outcomes in order of their keys, without what is measured by the clock."""
    outcomes = [json.loads(line)["outcome"] for file in sorted((run / "outcomes").iterdir())
                for line in file.read_text().splitlines()]  # fmt: skip
    for outcome in outcomes:
        del outcome["cost"]["generate_s"], outcome["cost"]["reward_s"]
    return sorted(outcomes, key=lambda o: o["key"])


def close(one, other) -> bool:
    """Whether two plain values are equal, numbers up to a relative 1e-4."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-5)
    return one == other


def contains(new, old) -> bool:
    """Whether every setting of `old` stands in `new` with the same value; there may be further ones."""
    if isinstance(old, dict):
        return all(k in new and contains(new[k], v) for k, v in old.items())
    return new == old


@pytest.mark.parametrize("part", ["moves", "searches"])
def test_every_pinned_key_is_what_it_was(part):
    assert {name: value for name, value in NOW[part].items() if name in PINNED[part]} == PINNED[part]


def test_every_strategy_is_pinned():
    assert {name.rsplit(" ", 1)[0] for name in PINNED["searches"]} == set(STRATEGIES)


@pytest.mark.parametrize("part", [Move(None, (1, 2), 3), Kernel(), Guide()], ids=lambda p: type(p).__name__)
def test_a_new_field_at_its_default_changes_no_key(part):
    cls = type(part)
    later = make_dataclass("Later", [("later", int, field(default=0))], bases=(cls,), frozen=True)
    values = {f.name: getattr(part, f.name) for f in fields(cls)}

    def key(instance):
        return (instance if cls is Move else replace(BASE, **{cls.__name__.lower(): instance})).key("scope")

    BASE = Move(None, (1, 2), 3)
    assert key(later(**values)) == key(part)
    assert key(later(**values, later=1)) != key(part)


def test_a_new_setting_of_the_generator_at_its_default_changes_no_fingerprint():
    later = make_dataclass("Later", [("later", int, field(default=0))], bases=(GeneratorConfig,))
    later_on = {"fit", "times", "card", "scheduler", "endpoint", "price", "budget", "draw", *cheaper.KEYS}
    assert {*GeneratorConfig.KEYED} | later_on == {f.name for f in fields(GeneratorConfig)}
    assert generator_fingerprint(GeneratorConfig(fit="pad")) != generator_fingerprint(GeneratorConfig())
    assert generator_fingerprint(GeneratorConfig(price=1.0, budget={"usd": 2.0})) == generator_fingerprint(
        GeneratorConfig()
    )
    assert generator_fingerprint(later()) == generator_fingerprint(GeneratorConfig())
    assert generator_fingerprint(later(later=1)) != generator_fingerprint(GeneratorConfig())


def test_every_field_of_today_enters_the_key():
    @dataclass(frozen=True)
    class Unkeyed(Kernel):
        KEYED = ()

    assert Unkeyed().KEYED == () and Move(None, (), 1, kernel=Unkeyed()).key("") != Move(None, (), 1).key("")
    for cls in (Move, Kernel, Guide):
        assert {*cls.KEYED} == {f.name for f in fields(cls)} - {
            "score",
            "drift",
            "variant",
            "chunks",
            "through_context",
        }


@pytest.mark.parametrize("name", RUNS)
def test_a_run_writes_what_it_wrote(name, tmp_path):
    kept = HERE / "runs" / name
    job = config.load(str(HERE / f"{name}.yaml"), [f"run={tmp_path / name}"])
    runs.run(job)
    new, old = lines(tmp_path / name), lines(kept)
    assert [o["key"] for o in new] == [o["key"] for o in old]
    assert new == old if name == "world" else close(new, old)
    manifest, result = (json.loads((tmp_path / name / f).read_text()) for f in ("manifest.json", "result.json"))
    assert manifest == json.loads((kept / "manifest.json").read_text())
    assert contains(
        yaml.safe_load((tmp_path / name / "config.yaml").read_text()) | {"run": ""},
        yaml.safe_load((kept / "config.yaml").read_text()) | {"run": ""},
    )
    if name == "world":
        assert result["hash"] == json.loads((kept / "result.json").read_text())["hash"]


@pytest.mark.parametrize("name", RUNS)
def test_a_folder_of_an_earlier_version_is_gone_on_with(name, tmp_path, capsys):
    shutil.copytree(HERE / "runs" / name, tmp_path / name)
    runs.run(config.load(str(HERE / f"{name}.yaml"), [f"run={tmp_path / name}"]))
    assert "0 moves executed" in capsys.readouterr().out
    hashes = [json.loads((folder / name / "result.json").read_text())["hash"] for folder in (tmp_path, HERE / "runs")]
    assert hashes[0] == hashes[1]
