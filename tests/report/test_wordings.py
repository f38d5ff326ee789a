"""The wordings of a prompt side by side: shares, baseline, what is said when they barely differ or nothing reads."""

import math
from dataclasses import replace

import pytest

from raysearch.moves import Outcome, Result
from raysearch.prompts import Prompt
from raysearch.report.wordings import spread
from tests.report.case import page, run_folder, search


def result(variance, watched="flicker"):
    note = {"of": [0, 1, 0, 1, 1], "nfe": [8, 12, 4], "rounds": [[0, 1], [1]], "variance": variance}
    rewards = [0.2, 0.6, 0.4, 0.1, math.nan]
    finals = [Outcome(f"{k:032d}", r, {"vjepa2": r, watched: k / 10}) for k, r in enumerate(rewards)]
    return Result.of_best(finals, wordings=note)


PROMPT = Prompt("a", "a ball <b>", variants=("two balls", "three"))


def test_shares_means_and_the_chosen_wording_stand_side_by_side(tmp_path):
    shown = page(run_folder(tmp_path / "run", [search("a", result([0.5, 1.0]), PROMPT)], "wording"))
    for words in (
        "original a ball <b> 2 33 % 0.3000 0.4000 0.1000", "variant 1 two balls 3 50 % 0.3500 0.6000 0.2667",
        "variant 2 three 0 17 % – – –", "chosen for 1 of 1 prompt.",
        "original: 0.400; of the chosen wording: 0.600 (means over prompts)", "50 % on the chosen wording, 33 % on the",
        "No measure here compares",
    ):  # fmt: skip
        assert words in shown.words, words
    assert "barely differ" not in shown.words


def test_wordings_that_barely_differ_are_told_and_a_measure_of_the_text_is_noticed(tmp_path):
    found = result([0.01, 1.0], "adherence")
    shown = page(run_folder(tmp_path / "run", [search("a", found, PROMPT)], "wording"))
    assert "The wordings barely differ: their mean rewards lie 0.10 standard" in shown.words
    assert "No measure here compares" not in shown.words


def test_without_variants_there_is_no_such_section(tmp_path):
    plain = replace(result([0.5, 1.0]), notes={})
    assert "Wordings" not in page(run_folder(tmp_path / "run", [search("a", plain)])).words


def test_variances_are_averaged_before_the_root():
    assert spread([result([0.5, 1.0]), result([-0.3, 1.0]), result(None)]) == pytest.approx(math.sqrt(0.1))
    assert spread([result([-0.5, 1.0])]) == 0.0 and spread([result(None)]) is None
