"""The page: its parts, and a plot and a table for each."""

from dataclasses import replace

from raysearch.evals.calibrate import page
from raysearch.evals.calibrate.previews import PreviewAgreement
from raysearch.evals.calibrate.statistics import Interval


def test_the_page_leads_with_the_verdict_and_holds_every_part(found):
    html = page.page(found)
    assert "<h1>good: ranks above chance, with a rank correlation of +" in html
    assert html.count("<table") == 3 and html.count('class="plot"') == 1
    assert "of the oracle" in html and "candidates have no film" in html and html.count("<section id=") == 3


def test_previews_are_drawn_against_final_and_truth(found):
    known = Interval(0.7, 0.5, 0.9, 16)
    reads = [PreviewAgreement(k, 12, known, 0.2, 1.0, known, "halve") for k in (2, 4)]
    html = page.page(replace(found, previews=reads))
    assert html.count('class="plot"') == 2 and "with the truth" in html and "2 of 12" in html


def test_without_truth_it_says_so(found):
    rows = [replace(r, ranking=None, worth=None, verdict="") for r in found.rows]
    html = page.page(replace(found, truth="", rows=rows, fusions=[]))
    assert "without a truth its ranking is not known" in html and "Does it rank" not in html


def test_shares_are_bounded():
    assert page.band(Interval(0.44, 0.29, 0.58, 4), share=True) == "0.94 [0.79, 1.00]"
