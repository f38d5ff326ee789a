"""The table of measures and its CSV."""

from pathlib import Path

import numpy as np
import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import table

HERE = Path(__file__).parent


@pytest.mark.parametrize("model", ["freeze", "half", "noise"])
def test_equals_the_official_table(tables, model):
    official = table.read_csv(HERE / "official" / f"{model}.csv")
    assert set(official) == set(tables[model]) and len(official) == 12
    for key, measures in official.items():
        for name, wanted in measures.items():
            found, slack = tables[model][key][name], 2e-9 if "mse" in name else 4e-16
            assert np.shape(found) == np.shape(wanted)
            assert np.abs(np.subtract(found, wanted)).max() <= slack, (key, name)


def test_the_csv_comes_back_and_has_the_official_columns(tables, tmp_path):
    (tmp_path / "t.csv").write_text(table.to_csv(tables["half"]))
    assert table.read_csv(tmp_path / "t.csv") == tables["half"]
    official = (HERE / "official" / "half.csv").read_text().splitlines()[0]
    assert official.split(",") == list(table.COLUMNS) and len(table.COLUMNS) == 37
    text = (tmp_path / "t.csv").read_text()
    (tmp_path / "u.csv").write_text(text.replace("v1_mse_perspective-left", "v1_msa_perspective-left", 1))
    with pytest.raises(UsageError, match=r"u\.csv: has no column 'v1_mse_perspective-left'; rename 'v1_msa_"):
        table.read_csv(tmp_path / "u.csv")
