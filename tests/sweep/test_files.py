"""The files of a sweep."""

import json

from raysearch.sweep import files
from raysearch.sweep.table import Cell
from tests.sweep.case import cell


def test_partial_results_are_readable_and_say_so():
    cells = [cell(4, [0.1, 0.4, 0.2, 0.3]), Cell("later", {"search.n": 8}, "best_of_n", 8, 0, "p", "vjepa2")]
    made = files.files(cells)
    found = json.loads(made["sweep.json"])
    assert not found["complete"] and [s["done"] for s in found["searches"]] == [True, False]
    assert "1 of 2 searches done" in made["sweep.html"] and made["table.csv"].count("\n") == 2
