"""What the report says of a sampler: log Z with its error, weighted averages, and every read."""

from __future__ import annotations

import math

from raysearch.moves import Result
from tests.report.case import candidates, page, run_folder, search


def test_a_sampler_tells_its_errors_averages_and_reads(tmp_path):
    finals = candidates([0.1, 0.3, 0.2], [2.0, 1.0, 3.0])
    notes = {"lambda": [1.0, 2.5], "ess": [2.9, 1.6], "roots_left": [3, 1], "reads": [4, 20], "roots": 1, "lag": 0,
             "families": [0, 0, 0], "slopes": [0.87],
             "log_z_error": 0.25, "nan": 0, "n": 3, "ancestors": [[0, 0, 0]]}  # fmt: skip
    result = Result(finals, 1, (math.log(0.25), math.log(0.75), -math.inf), -1.5, notes)
    shown = page(run_folder(tmp_path / "run", [search("a", result)], strategy="smc")).words
    assert "Sampler" in shown and "one root is left" in shown and "1.6 of 3" in shown
    assert "±" not in shown.split("Sampler")[1]  # one family is no evidence of an error
    for text in ("−1.500", "0.250", "1.25", "2.50", "0.87"):
        assert text in shown
    steady = Result(finals, 1, (math.log(0.25), math.log(0.75), -math.inf), None, {"n": 3})  # as of pcn
    shown = page(run_folder(tmp_path / "pcn", [search("a", steady)], strategy="pcn")).words
    assert "Sampler" in shown and "one root" not in shown and "0.250 ± 0.053" in shown
    plain = page(run_folder(tmp_path / "bon", [search("a", Result.of_best(finals))])).words
    assert "Sampler" not in plain
    assert "pooled over 1 prompt: 0.100" in plain and "search.lam: {sd: 1.9, spread: 0.1}" in plain
