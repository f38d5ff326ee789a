"""The official table: which measure stands where, partial scenarios, and cells that are no measures."""

import pytest

from raysearch.errors import UsageError
from raysearch.evals.physics_iq import table
from raysearch.evals.physics_iq.layout import VIEWS
from tests.evals.physics_iq import case


def compared(x: float) -> dict:
    """What `metrics.compare` gives, each of its numbers another one."""
    lists = {"spatiotemporal_iou": [x + 0.1, x], "mse": [x + 0.4]}
    return lists | {"spatial_iou": x + 0.2, "weighted_spatial_iou": x + 0.3}


def test_what_was_compared_stands_under_its_official_name():
    found = table.measurement(compared(1), compared(2), compared(3))
    assert found == {
        "spatiotemporal_iou_v1": [1.1, 1], "spatiotemporal_iou_v2": [2.1, 2],
        "spatial_iou_v1": 1.2, "spatial_iou_v2": 2.2,
        "weighted_spatial_iou_v1": 1.3, "weighted_spatial_iou_v2": 2.3, "v1_mse": [1.4], "v2_mse": [2.4],
        "variance_spatial": 3.2, "variance_weighted_spatial": 3.3, "variance_spatiotemporal_iou": [3.1, 3],
        "variance_mse": [3.4],
    }  # fmt: skip
    assert tuple(found) == table.NAMES and set(table.LISTS) == {k for k, v in found.items() if isinstance(v, list)}


def test_a_partial_table_leaves_cells_empty_and_comes_back(tmp_path):
    m = table.measurement(compared(1), compared(2), compared(3))
    partial = {("a.mp4", VIEWS[1]): m, ("b.mp4", VIEWS[0]): m, ("b.mp4", VIEWS[2]): m, ("a.mp4", VIEWS[2]): m}
    text = table.to_csv(partial)
    assert [line.split(",")[0] for line in text.splitlines()] == ["scenario", "a.mp4", "b.mp4"]
    (tmp_path / "t.csv").write_text(text)
    found = table.read_csv(tmp_path / "t.csv")
    assert found == partial and text.splitlines()[1].startswith("a.mp4," + "," * 11)


@pytest.mark.parametrize(
    ("was", "now"), [("1.2", "[1.2]"), ("1.2", "NaN"), ("1.2", "much"), ("[1.4]", "1.4"), ("[1.4]", "[]")]
)
def test_a_cell_that_is_no_measure_is_named(tmp_path, was, now):
    m = table.measurement(compared(1), compared(2), compared(3))
    text = table.to_csv({("a.mp4", VIEWS[0]): m})
    assert text.count(f",{was},") == 1
    (tmp_path / "t.csv").write_text(text.replace(f",{was},", f",{now},"))
    with pytest.raises(UsageError, match=r"t\.csv: row a\.mp4, column \w+_perspective-left: '.*' \("):
        table.read_csv(tmp_path / "t.csv")


def test_a_column_that_lacks_is_named(tmp_path):
    text = table.to_csv({("a.mp4", VIEWS[0]): table.measurement(compared(1), compared(2), compared(3))})
    (tmp_path / "t.csv").write_text(text.replace("variance_mse_perspective-right", "variance", 1))
    with pytest.raises(UsageError, match="has no column 'variance_mse_perspective-right'"):
        table.read_csv(tmp_path / "t.csv")


def test_the_csv_comes_back_and_has_the_official_columns(tables, tmp_path):
    (tmp_path / "t.csv").write_text(table.to_csv(tables["half"]))
    assert table.read_csv(tmp_path / "t.csv") == tables["half"]
    columns = (case.HERE / "official" / "half.csv").read_text().splitlines()[0]
    assert columns.split(",") == list(table.COLUMNS) and len(table.COLUMNS) == 37
    text = (tmp_path / "t.csv").read_text()
    (tmp_path / "u.csv").write_text(text.replace("v1_mse_perspective-left", "v1_msa_perspective-left", 1))
    with pytest.raises(UsageError, match=r"u\.csv: has no column 'v1_mse_perspective-left'; rename 'v1_msa_"):
        table.read_csv(tmp_path / "u.csv")
