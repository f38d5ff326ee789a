"""The table of measures and its CSV."""

import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import table
from tests.evals.physics_iq import case


def test_the_csv_comes_back_and_has_the_official_columns(tables, tmp_path):
    (tmp_path / "t.csv").write_text(table.to_csv(tables["half"]))
    assert table.read_csv(tmp_path / "t.csv") == tables["half"]
    columns = (case.HERE / "official" / "half.csv").read_text().splitlines()[0]
    assert columns.split(",") == list(table.COLUMNS) and len(table.COLUMNS) == 37
    text = (tmp_path / "t.csv").read_text()
    (tmp_path / "u.csv").write_text(text.replace("v1_mse_perspective-left", "v1_msa_perspective-left", 1))
    with pytest.raises(UsageError, match=r"u\.csv: has no column 'v1_mse_perspective-left'; rename 'v1_msa_"):
        table.read_csv(tmp_path / "u.csv")
