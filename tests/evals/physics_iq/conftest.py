"""The stand-in case, written and scored once for all tests of this folder."""

import pytest

from raysearch.evals.physics_iq import layout, scorer, table
from tests.evals.physics_iq import case


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("case")
    case.write(root, case.FEW, kinds=case.FEW_KINDS)
    return root


@pytest.fixture(scope="session")
def tables(root):
    data = layout.read(root / "physics-IQ-benchmark", 8)
    models = [scorer.folder(root / "gen" / m, data) for m in case.FEW]
    return dict(zip(case.FEW, scorer.run(data, models, root / "cache"), strict=True))


@pytest.fixture(scope="session")
def official():
    """The tables that the official scorer wrote, of all scenarios."""
    return {m: table.read_csv(case.HERE / "official" / f"{m}.csv") for m in ("freeze", "half", "noise")}


@pytest.fixture
def small(tmp_path):
    """One scenario at 64 x 48 with a good folder of clips."""
    bench = case.write(tmp_path, ["take1"], size=(64, 48), kinds=("ball-roll",))
    return bench, tmp_path / "gen" / "take1"
